"""Whether the process lives (``/healthz``) and can do its work (``/readyz``), for machines that have no token."""

from flask import Flask, Response, request
from werkzeug.exceptions import MethodNotAllowed

from app import __version__, events
from app.api.answers import answer
from app.api.presenters import present_readiness
from app.api.status import NOT_READY, OK
from app.services.operating.readiness import readiness
from app.services.runtime import Runtime

_READING = ("GET", "HEAD")
_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]


def add_health(app: Flask, runtime: Runtime) -> None:
    """Add the two to an application."""

    @app.route("/healthz", strict_slashes=False, methods=_VERBS, provide_automatic_options=False)
    def healthz() -> Response:
        _begin("healthz")
        return answer(info=f"Lookalike {__version__}")

    @app.route("/readyz", strict_slashes=False, methods=_VERBS, provide_automatic_options=False)
    def readyz() -> Response:
        _begin("readyz")
        parts = present_readiness(readiness(runtime))
        missing = ", ".join(part for part, state in parts.items() if state != "ready")
        if not missing:
            return answer(OK, parts=parts)
        response = answer(NOT_READY, parts=parts, error_description=f"not ready: {missing}")
        response.headers["Retry-After"] = "1"
        return response


def _begin(name: str) -> None:
    events.report(events.RequestRouted(None, name))
    if request.method not in _READING:
        raise MethodNotAllowed(_READING, f"{request.method} is not allowed here, use {' or '.join(_READING)}")
