"""Style sheets, scripts and pictures of the console, which browsers keep for good.

Their address has a digest of all of them, so that a new version has new addresses, those that scripts import
from each other included.
"""

import hashlib
from functools import cache
from pathlib import Path

from flask import Response, send_from_directory, url_for
from werkzeug.exceptions import NotFound

from app.events import RequestRouted, report

FOLDER = Path(__file__).parent / "static"

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@cache
def current_version() -> str:
    """A digest of all files."""
    digest = hashlib.sha256()
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file():
            digest.update(file.relative_to(FOLDER).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def static_path(name: str) -> str:
    """The address of a file, e.g. ``console.css``."""
    return url_for("console.static_file", version=current_version(), name=name)


def static_file(version: str, name: str) -> Response:
    """A file; whatever version is asked for, there is only this one, and no other is to be kept."""
    report(RequestRouted("console", "static_file"))
    type = _TYPES.get(Path(name).suffix)
    if type is None:
        raise NotFound
    response = send_from_directory(FOLDER, name, mimetype=type, conditional=True, max_age=0)
    if version == current_version():
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
