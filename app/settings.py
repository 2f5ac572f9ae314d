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
from ipaddress import IPv4Network, IPv6Network
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
    networks,
    number,
    one_of,
    optional_folder,
    optional_integer,
    port_numbers,
    public_url,
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
    export_days: float
    export_files: int
    export_bytes: int
    url_allow: tuple[str, ...]
    url_ports: frozenset[int]
    url_timeout: float
    request_seconds: float
    request_urls: int
    request_bytes: int
    request_pixels: int
    fetched_bytes: int
    max_image_bytes: int
    max_image_pixels: int
    decode_seconds: float
    decode_memory: int
    max_body_bytes: int
    max_bodies_bytes: int
    connections: int
    client_seconds: float
    proxies: tuple[IPv4Network | IPv6Network, ...]
    public_url: str | None
    max_records: int
    statement_timeout: float
    access_seconds: float
    calls_per_minute: int
    pictures_per_minute: int
    bytes_per_minute: int
    sign_ins_per_minute: int
    pool_size: int
    workers: int
    threads: int
    account_calls: int | None
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
        "LOOKALIKE_EXPORT_DAYS", "export_days", "7", number(0.001, 3650), "how long these files are kept"
    ),
    Setting(
        "LOOKALIKE_EXPORT_FILES", "export_files", "20", integer(0, 100_000),
        "most of these files that are kept of a collection",
    ),
    Setting(
        "LOOKALIKE_EXPORT_BYTES", "export_bytes", str(4096 * MIB), integer(0, 1 << 50),
        "most bytes that those of a collection have together", "4 GiB",
    ),
    Setting(
        "LOOKALIKE_FILE_ROOTS", "file_roots", "", existing_folders,
        "folders whose files `_file` may name, separated by `:`", "none",
    ),
    Setting(
        "LOOKALIKE_URL_ALLOW", "url_allow", "", hosts_and_networks,
        "hosts and networks that `_url` may reach although they are not public", "none",
    ),
    Setting(
        "LOOKALIKE_URL_PORTS", "url_ports", "80,443", port_numbers,
        "ports that `_url` may name, allowed hosts included: `80,443,8000-8999`",
    ),
    Setting("LOOKALIKE_URL_TIMEOUT", "url_timeout", "10", number(0.1, 300), "seconds for one download"),
    Setting(
        "LOOKALIKE_REQUEST_SECONDS", "request_seconds", "60", number(0.1, 3600),
        "seconds for the pictures of one request; those that were not reached are skipped",
    ),
    Setting(
        "LOOKALIKE_REQUEST_URLS", "request_urls", "2000", integer(1, 1_000_000),
        "most URLs that are fetched for one request",
    ),
    Setting(
        "LOOKALIKE_REQUEST_BYTES", "request_bytes", str(512 * MIB), integer(1024, 1024 * 1024 * MIB),
        "most bytes that are fetched for one request", "512 MiB",
    ),
    Setting(
        "LOOKALIKE_REQUEST_PIXELS", "request_pixels", "2000000000", integer(4096, 1_000_000_000_000),
        "most pixels that are decoded for one request",
    ),
    Setting(
        "LOOKALIKE_FETCHED_BYTES", "fetched_bytes", str(512 * MIB), integer(1024, 1024 * 1024 * MIB),
        "bytes of fetched pictures that a worker process holds at a time", "512 MiB",
    ),
    Setting(
        "LOOKALIKE_MAX_IMAGE_BYTES", "max_image_bytes", str(32 * MIB), integer(1024, 1024 * MIB),
        "bytes of the largest picture file", "32 MiB",
    ),
    Setting(
        "LOOKALIKE_MAX_IMAGE_PIXELS", "max_image_pixels", "52000000", integer(4096, 1_000_000_000),
        "pixels of the largest picture",
    ),
    Setting(
        "LOOKALIKE_DECODE_SECONDS", "decode_seconds", "20", number(0.1, 3600),
        "seconds of a processor that the largest picture may take to decode; smaller ones less, in proportion, but"
        " a tenth at least",
    ),
    Setting(
        "LOOKALIKE_DECODE_MEMORY", "decode_memory", str(1024 * MIB), integer(16 * MIB, 65536 * MIB),
        "memory that the largest picture may take to decode; smaller ones less, in the same way",
        "1 GiB",
    ),
    Setting(
        "LOOKALIKE_MAX_BODY_BYTES", "max_body_bytes", str(64 * MIB), integer(1024, 4096 * MIB),
        "largest request", "64 MiB",
    ),
    Setting(
        "LOOKALIKE_MAX_BODIES_BYTES", "max_bodies_bytes", str(128 * MIB), integer(1024, 65536 * MIB),
        "what the larger requests of a worker process may take together, while they arrive and are answered;"
        " others wait (at least the largest request)", "128 MiB",
    ),
    Setting(
        "LOOKALIKE_CONNECTIONS", "connections", "1000", integer(16, 100_000),
        "open connections of each worker process; beyond them idle ones are closed",
    ),
    Setting(
        "LOOKALIKE_CLIENT_SECONDS", "client_seconds", "10", number(1, 600),
        "how long a client may stand still while it sends a request or takes an answer; three times as long"
        " between requests",
    ),
    Setting(
        "LOOKALIKE_PROXIES", "proxies", "", networks,
        "addresses and networks of proxies that are believed what they say of their clients in `X-Forwarded-For`,"
        " `-Proto` and `-Host`", "none",
    ),
    Setting(
        "LOOKALIKE_PUBLIC_URL", "public_url", "", public_url,
        "scheme and host under which clients reach the service, as in `https://lookalike.example`",
        "what a believed proxy says",
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
    Setting(
        "LOOKALIKE_CALLS_PER_MINUTE", "calls_per_minute", "0", integer(0, 10**9),
        "calls that an account may send in a minute, unless it has a rate class (`lookalike rate`)", "0: no limit",
    ),
    Setting(
        "LOOKALIKE_PICTURES_PER_MINUTE", "pictures_per_minute", "0", integer(0, 10**9),
        "pictures that may be embedded for it", "0: no limit",
    ),
    Setting(
        "LOOKALIKE_BYTES_PER_MINUTE", "bytes_per_minute", "0", integer(0, 10**15),
        "bytes of requests that it may send", "0: no limit",
    ),
    Setting(
        "LOOKALIKE_SIGN_INS_PER_MINUTE", "sign_ins_per_minute", "30", integer(0, 10**9),
        "attempts to sign in to the console that may fail in a minute, for each address (0: no limit)",
    ),
    Setting("LOOKALIKE_POOL_SIZE", "pool_size", "8", integer(1, 1000), "database connections per worker process"),
    Setting(
        "LOOKALIKE_WORKERS", "workers", str(min(CORES, 4)), integer(1, 256),
        "worker processes", "cores, at most 4",
    ),
    Setting(
        "LOOKALIKE_THREADS", "threads", "16", integer(1, 256),
        "threads in each worker process; calls that embed pictures leave two of them to the others",
    ),
    Setting(
        "LOOKALIKE_ACCOUNT_CALLS", "account_calls", "", optional_integer(1, 256),
        "most calls of one account that embed pictures at a time, in each worker process",
        "three quarters of those that may",
    ),
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
