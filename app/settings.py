"""Settings, read once from environment variables.

``load_settings`` checks all of them and reports every wrong one in one message, so that a deployment is not
repaired one restart at a time. The rest of the program receives a ``Settings`` value and never looks at the
environment.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.errors import ConfigurationError
from app.machine import available_cores

MIB = 1024 * 1024

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


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings.

    Raises ``ConfigurationError`` with one line for each wrong variable.
    """
    source = os.environ if environment is None else environment
    faults: list[str] = []

    def read(variable: str, default: str, parse: Callable[[str], Any]) -> Any:
        text = source.get(variable, "").strip() or default
        try:
            return parse(text)
        except ValueError as error:
            # The database's URL may hold a password.
            shown = variable if variable == "DATABASE_URL" else f"{variable}={text!r}"
            faults.append(f"{shown}: {error}")
            return None

    cores = available_cores()
    home = read("LOOKALIKE_HOME", "~/.lookalike", _folder)
    default_model = read("LOOKALIKE_MODEL", "clip-ViT-B-32", str)
    models = read("LOOKALIKE_SERVICES", "", _services)
    values = {
        "database_url": read("DATABASE_URL", "", _database_url),
        "home": home,
        "file_roots": read("LOOKALIKE_FILE_ROOTS", "", _existing_folders),
        "export_folder": read("LOOKALIKE_EXPORT_FOLDER", str((home or Path()) / "exports"), _folder),
        "url_allow": read("LOOKALIKE_URL_ALLOW", "", _hosts_and_networks),
        "url_timeout": read("LOOKALIKE_URL_TIMEOUT", "10", _number(0.1, 300)),
        "max_image_bytes": read("LOOKALIKE_MAX_IMAGE_BYTES", str(32 * MIB), _integer(1024, 1024 * MIB)),
        "max_image_pixels": read("LOOKALIKE_MAX_IMAGE_PIXELS", "100000000", _integer(4096, 1_000_000_000)),
        "max_body_bytes": read("LOOKALIKE_MAX_BODY_BYTES", str(64 * MIB), _integer(1024, 4096 * MIB)),
        "max_records": read("LOOKALIKE_MAX_RECORDS", "10000", _integer(1, 1_000_000)),
        "statement_timeout": read("LOOKALIKE_STATEMENT_TIMEOUT", "30", _number(0.1, 3600)),
        "access_seconds": read("LOOKALIKE_ACCESS_SECONDS", "3", _number(0, 300)),
        "pool_size": read("LOOKALIKE_POOL_SIZE", "8", _integer(1, 1000)),
        "workers": read("LOOKALIKE_WORKERS", str(min(cores, 4)), _integer(1, 256)),
        "threads": read("LOOKALIKE_THREADS", "8", _integer(1, 256)),
        "torch_threads": read("LOOKALIKE_TORCH_THREADS", str(cores), _integer(1, 1024)),
    }
    if faults:
        raise ConfigurationError("wrong settings:\n  " + "\n  ".join(faults))
    return Settings(services=_build_services(default_model, models), **values)


def _build_services(default_model: str, models: Mapping[str, str]) -> dict[str, Service]:
    services = {
        name: Service(name, paths, models.get(name, default_model)) for name, paths in BUILT_IN_SERVICES.items()
    }
    for name, model in models.items():
        if name not in services:
            services[name] = Service(name, (name,), model or default_model)
    return services


def _services(text: str) -> dict[str, str]:
    """``name=model,other/name=model``; ``name`` alone takes the default model."""
    models: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, model = item.partition("=")
        if not re.fullmatch(r"[a-z0-9_-]+(/[a-z0-9_-]+)*", name):
            raise ValueError(
                f"{name!r} is not a service name (lower-case letters, digits, '-', '_', parts separated by '/')"
            )
        if name == "account" or name.startswith("account/"):
            raise ValueError("the name 'account' is taken by the account methods")
        models[name] = model.strip()
    return models


def _database_url(text: str) -> str | None:
    if not text:
        return None
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("it has to begin with postgresql:// (leave it unset for the embedded database)")
    return text


def _folder(text: str) -> Path:
    return Path(text).expanduser().resolve()


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
