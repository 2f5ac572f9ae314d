"""Settings, read once from environment variables.

``SETTINGS`` is the one list of them: ``load_settings`` reads by it, ``unknown_variables`` compares with it, and it
has the words for the documentation. Every wrong one is reported in one message, so that a deployment is not
repaired one restart at a time. The rest of the program receives a ``Settings`` value and never looks at the
environment.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from app.domain.errors import ConfigurationError
from app.domain.model_name import CLIP_NAMES
from app.machine import available_cores
from app.setting_values import (
    BUILT_IN_SERVICES,
    database_url,
    existing_folders,
    folder,
    hosts_and_networks,
    integer,
    metrics_place,
    model_name,
    number,
    one_of,
    optional_folder,
    services,
    switch,
)

MIB = 1024 * 1024
PREFIX = "LOOKALIKE_"

CORES = available_cores()


@dataclass(frozen=True, slots=True)
class Service:
    """A service: a name, the URL paths where its methods live, and the model of new collections."""

    name: str
    paths: tuple[str, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one process. Sizes in bytes, times in seconds."""

    database_url: str | None
    home: Path
    services: Mapping[str, Service]
    file_roots: tuple[Path, ...]
    export_folder: Path
    url_allow: tuple[str, ...]
    url_timeout: float
    max_image_bytes: int
    max_image_pixels: int
    max_body_bytes: int
    max_records: int
    statement_timeout: float
    access_seconds: float
    pool_size: int
    workers: int
    threads: int
    torch_threads: int
    preload: bool
    thumbnails: bool
    console: bool
    undo_days: float
    log: str
    log_level: str
    metrics: str | None


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable.

    ``field`` is the member of ``Settings`` that it becomes; ``default`` the text that an unset or empty variable
    stands for, as ``shown`` to people where that says more; ``parse`` raises ``ValueError`` with what is wrong.
    """

    variable: str
    field: str
    default: str
    parse: Callable[[str], Any]
    meaning: str
    shown: str = ""


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings.

    Raises ``ConfigurationError`` with one line for each wrong variable.
    """
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    faults: list[str] = []
    for setting in SETTINGS:
        text = source.get(setting.variable, "").strip() or setting.default
        try:
            values[setting.field] = setting.parse(text)
        except ValueError as error:
            # The database's URL may hold a password.
            shown = setting.variable if setting.field == "database_url" else f"{setting.variable}={text!r}"
            faults.append(f"{shown}: {error}")
    if faults:
        raise ConfigurationError("wrong settings:\n  " + "\n  ".join(faults))
    built = _build_services(values.pop("model"), values["services"])
    export_folder = values["export_folder"] or values["home"] / "exports"
    return Settings(**{**values, "services": built, "export_folder": export_folder})


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that were meant to be settings and are none, each with a sentence that names the nearest setting.

    Those are all that begin with ``LOOKALIKE_``, and those that resemble a setting which is not set itself.
    """
    variables = [setting.variable for setting in SETTINGS]
    endings = [variable.removeprefix(PREFIX) for variable in variables if variable.startswith(PREFIX)]
    found = {}
    for name in sorted(set(environment) - set(variables)):
        if name.upper().startswith(PREFIX):
            ending = name.upper().removeprefix(PREFIX)
            # A short name cut short resembles nothing.
            near = get_close_matches(ending, endings, n=1) or [one for one in endings if one.startswith(ending)]
            guess = f": is {PREFIX}{near[0]} meant?" if near and ending else ""
            found[name] = f"{name} is no setting{guess}"
        elif (near := get_close_matches(name.upper(), variables, n=1, cutoff=0.9)) and near[0] not in environment:
            found[name] = f"{name} is no setting: is {near[0]} meant?"
    return found


def _build_services(default_model: str, models: Mapping[str, str]) -> dict[str, Service]:
    paths = {**BUILT_IN_SERVICES, **{name: (name,) for name in models if name not in BUILT_IN_SERVICES}}
    return {name: Service(name, paths[name], models.get(name) or default_model) for name in paths}


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL", "database_url", "", database_url, "`postgresql://…`", "the embedded server"
    ),
    Setting(
        "LOOKALIKE_HOME", "home", "~/.lookalike", folder, "embedded database, samples, quickstart token"
    ),
    Setting("LOOKALIKE_MODEL", "model", CLIP_NAMES[0], model_name, "model of new collections"),
    Setting(
        "LOOKALIKE_SERVICES", "services", "", services,
        "further services and models: `image_matching=clip-ViT-B-32,my/service`", "none",
    ),
    Setting(
        "LOOKALIKE_THUMBNAILS", "thumbnails", "1", switch,
        "whether a small picture of every picture is kept, by which near duplicates are told (1 or 0)",
    ),
    Setting(
        "LOOKALIKE_CONSOLE", "console", "1", switch, "whether there are pages for browsers at `/console` (1 or 0)"
    ),
    Setting(
        "LOOKALIKE_UNDO_DAYS", "undo_days", "7", number(0, 3650),
        "how long what was removed or changed in the console can be undone (0: nothing is kept, and it is final)",
    ),
    Setting(
        "LOOKALIKE_PRELOAD", "preload", "1", switch,
        "whether `serve` loads the models of existing collections before it answers (1 or 0)",
    ),
    Setting(
        "LOOKALIKE_EXPORT_FOLDER", "export_folder", "", optional_folder,
        "where `allRecords` writes its files, in a folder per collection", "`exports` in the home",
    ),
    Setting(
        "LOOKALIKE_FILE_ROOTS", "file_roots", "", existing_folders,
        "folders whose files `_file` may name, separated by `:`", "none",
    ),
    Setting(
        "LOOKALIKE_URL_ALLOW", "url_allow", "", hosts_and_networks,
        "hosts and networks that `_url` may reach although they are not public", "none",
    ),
    Setting("LOOKALIKE_URL_TIMEOUT", "url_timeout", "10", number(0.1, 300), "seconds for one download"),
    Setting(
        "LOOKALIKE_MAX_IMAGE_BYTES", "max_image_bytes", str(32 * MIB), integer(1024, 1024 * MIB),
        "largest picture file", "32 MiB",
    ),
    Setting(
        "LOOKALIKE_MAX_IMAGE_PIXELS", "max_image_pixels", "100000000", integer(4096, 1_000_000_000),
        "largest picture",
    ),
    Setting(
        "LOOKALIKE_MAX_BODY_BYTES", "max_body_bytes", str(64 * MIB), integer(1024, 4096 * MIB),
        "largest request", "64 MiB",
    ),
    Setting(
        "LOOKALIKE_MAX_RECORDS", "max_records", "10000", integer(1, 1_000_000), "most records in one request"
    ),
    Setting(
        "LOOKALIKE_STATEMENT_TIMEOUT", "statement_timeout", "30", number(0.1, 3600),
        "seconds for one statement of a request",
    ),
    Setting(
        "LOOKALIKE_ACCESS_SECONDS", "access_seconds", "3", number(0, 300),
        "how long a token and a collection are remembered by calls that only read: so much later a revoked token"
        " is refused (0: never remembered)",
    ),
    Setting("LOOKALIKE_POOL_SIZE", "pool_size", "8", integer(1, 1000), "database connections per worker process"),
    Setting(
        "LOOKALIKE_WORKERS", "workers", str(min(CORES, 4)), integer(1, 256),
        "worker processes", "cores, at most 4",
    ),
    Setting("LOOKALIKE_THREADS", "threads", "8", integer(1, 256), "threads in each worker process"),
    Setting(
        "LOOKALIKE_TORCH_THREADS", "torch_threads", str(CORES), integer(1, 1024),
        "threads of the model in each worker process", "cores",
    ),
    Setting(
        "LOOKALIKE_LOG", "log", "text", one_of("json", "text"), "how the log's lines are written: `json` or `text`"
    ),
    Setting(
        "LOOKALIKE_LOG_LEVEL", "log_level", "info", one_of("debug", "info", "warning", "error"),
        "what the log has: `info` is a line for each request; `debug`, `warning` or `error`",
    ),
    Setting(
        "LOOKALIKE_METRICS", "metrics", "", metrics_place,
        "where Prometheus reads metrics, without a token: an address of their own such as `127.0.0.1:9100`, or "
        "`/metrics` beside the rest", "nowhere",
    ),
)  # fmt: skip
"""All settings, in the order in which they are documented."""
