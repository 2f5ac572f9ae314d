"""Settings, read once from environment variables.

``SETTINGS`` is the one list of them: ``load_settings`` reads by it, ``unknown_variables`` compares with it, and it
has the words for the documentation. Every wrong one is reported in one message, so that a deployment is not
repaired one restart at a time. The rest of the program receives a ``Settings`` value and never looks at the
environment.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from app.domain.errors import ConfigurationError
from app.domain.model import BUNDLED, VECTORS
from app.domain.model_name import CLIP_NAMES, name_fault, split_precision
from app.machine import available_cores

MIB = 1024 * 1024
PREFIX = "LOOKALIKE_"

CORES = available_cores()

BUILT_IN_SERVICES: Mapping[str, tuple[str, ...]] = {
    "photos": ("similarity/photos",),
    "products": ("similarity/products", "similarity/products-new"),
}
"""The services that always exist, with the URL paths under which each answers."""


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
    services = _build_services(values.pop("model"), values["services"])
    export_folder = values["export_folder"] or values["home"] / "exports"
    return Settings(**{**values, "services": services, "export_folder": export_folder})


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
            guess = "".join(f": is {PREFIX}{near} meant?" for near in get_close_matches(ending, endings, n=1))
            found[name] = f"{name} is no setting{guess}"
        elif (near := get_close_matches(name.upper(), variables, n=1, cutoff=0.9)) and near[0] not in environment:
            found[name] = f"{name} is no setting: is {near[0]} meant?"
    return found


def _build_services(default_model: str, models: Mapping[str, str]) -> dict[str, Service]:
    paths = {**BUILT_IN_SERVICES, **{name: (name,) for name in models if name not in BUILT_IN_SERVICES}}
    return {name: Service(name, paths[name], models.get(name) or default_model) for name in paths}


def _services(text: str) -> dict[str, str]:
    """``name=model,other/name=model``; ``name`` alone takes the default model and is empty here.

    The built-in services are named ``photos`` and ``products``. Their paths are refused as names: a service of
    its own at ``similarity/photos`` could never be reached.
    """
    models: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, model = (part.strip() for part in item.partition("="))
        if not re.fullmatch(r"[a-z0-9_-]+(/[a-z0-9_-]+)*", name):
            raise ValueError(
                f"{name!r} is not a service name (lower-case letters, digits, '-', '_', parts separated by '/')"
            )
        if name == "account" or name.startswith("account/"):
            raise ValueError("the name 'account' is taken by the account methods")
        for built_in, paths in BUILT_IN_SERVICES.items():
            if name in paths:
                raise ValueError(f"{name!r} is a path of the built-in service {built_in!r}: use that name")
        if name in models:
            raise ValueError(f"the service {name!r} is named twice")
        if equals and not model:
            raise ValueError(f"{name}= names no model; {name!r} alone takes the default model")
        models[name] = _model(model) if model else ""
    return models


def _model(text: str) -> str:
    """A model's name, as far as it can be checked without a network; whether it loads is seen on first use."""
    source, _ = split_precision(text)
    if source == VECTORS:
        raise ValueError(
            f"{VECTORS!r} is no default: such a collection needs its dimension, as in "
            "`lookalike collection create --model vectors --dim N`"
        )
    if source == BUNDLED or (source and _is_folder(source)):
        return text
    if fault := name_fault(source):
        raise ValueError(f"{source!r} {fault}" if source else "it names no model")
    if "/" not in source and source not in CLIP_NAMES:
        near = get_close_matches(source, [BUNDLED, *CLIP_NAMES], n=1, cutoff=0.5)
        raise ValueError(
            f"{source!r} is no model"
            + (f": is {near[0]} meant?" if near else "")
            + f" ({', '.join([BUNDLED, *CLIP_NAMES])}, an existing folder, or owner/name on the model hub)"
        )
    return text


def _is_folder(text: str) -> bool:
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, RuntimeError):
        # Too long a name, or the home of a user who does not exist.
        return False


def _database_url(text: str) -> str | None:
    if not text:
        return None
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("it has to begin with postgresql:// (leave it unset for the embedded database)")
    return text


def _folder(text: str) -> Path:
    try:
        folder = Path(text).expanduser().resolve()
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is not a folder")
    except (OSError, RuntimeError) as error:
        raise ValueError(f"it cannot be a folder ({getattr(error, 'strerror', None) or error})") from None
    return folder


def _optional_folder(text: str) -> Path | None:
    return _folder(text) if text else None


def _existing_folders(text: str) -> tuple[Path, ...]:
    folders = tuple(_folder(part) for part in text.split(os.pathsep) if part)
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder")
    return folders


def _hosts_and_networks(text: str) -> tuple[str, ...]:
    """Host names and networks (CIDR) that ``_url`` may reach although their addresses are not public."""
    entries = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    for entry in entries:
        try:
            ipaddress.ip_network(entry)
        except ValueError:
            looks_numeric = re.fullmatch(r"[0-9./:a-f]*[/:][0-9./:a-f]*|[0-9.]+", entry)
            if looks_numeric or not re.fullmatch(r"[a-z0-9_.-]+", entry):
                raise ValueError(f"{entry!r} is neither a host name nor a network such as 10.1.0.0/16") from None
    return entries


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError("not a number") from None
        if not least <= value <= most:
            raise ValueError(f"it has to be between {least:g} and {most:g}")
        return value

    return parse


def _integer(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]+", text):
            raise ValueError("not a whole number")
        value = int(text)
        if not least <= value <= most:
            raise ValueError(f"it has to be between {least} and {most}")
        return value

    return parse


def _switch(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("it has to be 1 or 0")


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL", "database_url", "", _database_url, "`postgresql://…`", "the embedded server"
    ),
    Setting(
        "LOOKALIKE_HOME", "home", "~/.lookalike", _folder, "embedded database, samples, quickstart token"
    ),
    Setting("LOOKALIKE_MODEL", "model", CLIP_NAMES[0], _model, "model of new collections"),
    Setting(
        "LOOKALIKE_SERVICES", "services", "", _services,
        "further services and models: `image_matching=clip-ViT-B-32,my/service`", "none",
    ),
    Setting(
        "LOOKALIKE_THUMBNAILS", "thumbnails", "1", _switch,
        "whether a small picture of every picture is kept; near duplicates are told by it (1 or 0)",
    ),
    Setting(
        "LOOKALIKE_PRELOAD", "preload", "1", _switch,
        "whether `serve` loads the models of existing collections before it answers (1 or 0)",
    ),
    Setting(
        "LOOKALIKE_EXPORT_FOLDER", "export_folder", "", _optional_folder,
        "where `allRecords` writes its files, in a folder per collection", "`exports` in the home",
    ),
    Setting(
        "LOOKALIKE_FILE_ROOTS", "file_roots", "", _existing_folders,
        "folders whose files `_file` may name, separated by `:`", "none",
    ),
    Setting(
        "LOOKALIKE_URL_ALLOW", "url_allow", "", _hosts_and_networks,
        "hosts and networks that `_url` may reach although they are not public", "none",
    ),
    Setting("LOOKALIKE_URL_TIMEOUT", "url_timeout", "10", _number(0.1, 300), "seconds for one download"),
    Setting(
        "LOOKALIKE_MAX_IMAGE_BYTES", "max_image_bytes", str(32 * MIB), _integer(1024, 1024 * MIB),
        "largest picture file", "32 MiB",
    ),
    Setting(
        "LOOKALIKE_MAX_IMAGE_PIXELS", "max_image_pixels", "100000000", _integer(4096, 1_000_000_000),
        "largest picture",
    ),
    Setting(
        "LOOKALIKE_MAX_BODY_BYTES", "max_body_bytes", str(64 * MIB), _integer(1024, 4096 * MIB),
        "largest request", "64 MiB",
    ),
    Setting(
        "LOOKALIKE_MAX_RECORDS", "max_records", "10000", _integer(1, 1_000_000), "most records in one request"
    ),
    Setting(
        "LOOKALIKE_STATEMENT_TIMEOUT", "statement_timeout", "30", _number(0.1, 3600),
        "seconds for one statement of a request",
    ),
    Setting(
        "LOOKALIKE_ACCESS_SECONDS", "access_seconds", "3", _number(0, 300),
        "how long a token and a collection are remembered by calls that only read: so much later a revoked token"
        " is refused (0: never remembered)",
    ),
    Setting("LOOKALIKE_POOL_SIZE", "pool_size", "8", _integer(1, 1000), "database connections per worker process"),
    Setting(
        "LOOKALIKE_WORKERS", "workers", str(min(CORES, 4)), _integer(1, 256),
        "worker processes", "cores, at most 4",
    ),
    Setting("LOOKALIKE_THREADS", "threads", "8", _integer(1, 256), "threads in each worker process"),
    Setting(
        "LOOKALIKE_TORCH_THREADS", "torch_threads", str(CORES), _integer(1, 1024),
        "threads of the model in each worker process", "cores",
    ),
)  # fmt: skip
"""All settings; the last thing in this module, as it names the functions above."""
