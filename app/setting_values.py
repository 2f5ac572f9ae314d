"""What the texts of settings stand for: parsers that raise ``ValueError`` with what is wrong."""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from app.domain.model import BUNDLED, VECTORS
from app.domain.model_name import CLIP_NAMES, name_fault, split_precision

BUILT_IN_SERVICES: Mapping[str, tuple[str, ...]] = {
    "photos": ("similarity/photos",),
    "products": ("similarity/products", "similarity/products-new"),
}
"""The services that always exist, with the URL paths under which each answers."""

METRICS_PATH = "/metrics"


def services(text: str) -> dict[str, str]:
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
        models[name] = model_name(model) if model else ""
    return models


def model_name(text: str) -> str:
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


def database_url(text: str) -> str | None:
    """A PostgreSQL URL; None for the embedded database."""
    if not text:
        return None
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("it has to begin with postgresql:// (leave it unset for the embedded database)")
    return text


def folder(text: str) -> Path:
    """A folder, which may still have to be made."""
    try:
        path = Path(text).expanduser().resolve()
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path} is not a folder")
    except (OSError, RuntimeError) as error:
        raise ValueError(f"it cannot be a folder ({getattr(error, 'strerror', None) or error})") from None
    return path


def optional_folder(text: str) -> Path | None:
    """The same, or none."""
    return folder(text) if text else None


def existing_folders(text: str) -> tuple[Path, ...]:
    """Folders that exist, separated as in PATH."""
    folders = tuple(folder(part) for part in text.split(os.pathsep) if part)
    for each in folders:
        if not each.is_dir():
            raise ValueError(f"{each} is not a folder")
    return folders


def hosts_and_networks(text: str) -> tuple[str, ...]:
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


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks (CIDR), separated by commas."""
    found = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(ipaddress.ip_network(entry))
        except ValueError as error:
            raise ValueError(f"{entry!r} is no address and no network such as 10.1.0.0/16 ({error})") from None
    return tuple(found)


def public_url(text: str) -> str | None:
    """Scheme and host of the service, as clients write them; None where they are not told."""
    if not text:
        return None
    if not re.fullmatch(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?", text):
        raise ValueError("it has to be a scheme and a host, as in https://lookalike.example")
    return text.removesuffix("/")


def number(least: float, most: float) -> Callable[[str], float]:
    """A parser of numbers within bounds."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError("not a number") from None
        if not least <= value <= most:
            raise ValueError(f"it has to be between {least:g} and {most:g}")
        return value

    return parse


def integer(least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]+", text):
            raise ValueError("not a whole number")
        value = int(text)
        if not least <= value <= most:
            raise ValueError(f"it has to be between {least} and {most}")
        return value

    return parse


def optional_integer(least: int, most: int) -> Callable[[str], int | None]:
    """The same, or none."""
    parse = integer(least, most)
    return lambda text: parse(text) if text else None


def port_numbers(text: str) -> frozenset[int]:
    """Ports and ranges of them, ``80,443,8000-8999``."""
    ports: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        if not re.fullmatch(r"[0-9]{1,5}(-[0-9]{1,5})?", part):
            raise ValueError(f"{part!r} is neither a port nor a range such as 8000-8999")
        first, _, last = part.partition("-")
        if not 1 <= int(first) <= int(last or first) <= 65535:
            raise ValueError(f"{part!r} is not between 1 and 65535")
        ports.update(range(int(first), int(last or first) + 1))
    return frozenset(ports)


def one_of(*words: str) -> Callable[[str], str]:
    """A parser of one of some words."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"it has to be one of {', '.join(words)}")
        return text.lower()

    return parse


def metrics_place(text: str) -> str | None:
    """Where metrics are read: ``/metrics``, an address with a port (``127.0.0.1:9100``), or nowhere."""
    if not text or text == METRICS_PATH:
        return text or None
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError(f"it is neither {METRICS_PATH} nor an address with a port such as 127.0.0.1:9100")
    if not re.fullmatch(r"\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+", host):
        raise ValueError(f"{host!r} is no address to listen on")
    return text


def switch(text: str) -> bool:
    """On or off."""
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("it has to be 1 or 0")
