"""The Flask application: routing, authentication, and the same JSON envelope for whatever happens."""

import logging
from functools import partial

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from app import __version__, events
from app.api import docs
from app.api.abandonment import is_abandoned
from app.api.answers import answer, complete_answer, failure, start_clock
from app.api.bodies import read_object
from app.api.credentials import collection_headers, read_token
from app.api.health import add_health
from app.api.methods import METHODS
from app.api.openapi.document import document
from app.api.presenters import present_account
from app.api.rate_limits import count_body, let_in, tell_limits
from app.api.status import UNKNOWN_ERROR, status_of_error, status_of_http
from app.api.thumbnails import RestOfPath, thumbnail_of
from app.domain.account import Access
from app.domain.errors import DatabaseUnavailable, InvalidRequest, LookalikeError, ReadOnlyToken
from app.services.access import account_of, bearer_of, resolve_access
from app.services.budget import within_budget
from app.services.operating.status import describe_database
from app.services.runtime import Runtime

log = logging.getLogger(__name__)

_PING_BYTES = 64 * 1024
_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]


def create_app(runtime: Runtime) -> Flask:
    """The WSGI application over an open runtime."""
    app = Flask("lookalike", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.converters["rest"] = RestOfPath
    app.config["MAX_CONTENT_LENGTH"] = runtime.settings.max_body_bytes
    paths = [path for service in runtime.settings.services.values() for path in service.paths]

    app.before_request(start_clock)
    app.after_request(partial(tell_limits, runtime))
    app.register_error_handler(LookalikeError, _expected_failure)
    app.register_error_handler(HTTPException, _http_failure)
    app.register_error_handler(Exception, _unexpected_failure)

    # Every verb is routed here, so that a wrong one is answered as the others are.
    options = {"methods": _VERBS, "provide_automatic_options": False, "strict_slashes": False}

    @app.route("/account/v2/details/", **options)
    def account_details() -> Response:
        _tell("accountDetails")
        _require_verb("GET", "POST")
        access = bearer_of(runtime, read_token(request))
        events.report(events.CallerKnown(access.account_id, None))
        let_in(runtime, access, request)
        return complete_answer(present_account(account_of(runtime, access)))

    @app.route("/<path:service>/v2/<method>/", **options)
    @app.route("/<path:service>/v2/<method>", **options)
    def call(service: str, method: str) -> Response:
        if service not in paths:
            raise NotFound(f"there is no service at /{service}/v2/")
        if method in METHODS or method == "ping":
            _tell(method, service)
        if method == "ping":
            _require_verb("POST", "GET")
            # Whoever asks is not known, and shall not have much parsed.
            read_object(request, max_records=1, most=_PING_BYTES)
            return answer(info=f"Lookalike {__version__}, HNSW indexes of {describe_database(runtime)}")
        found = METHODS.get(method)
        if found is None:
            raise NotFound(f"there is no method {method!r}; the methods are {', '.join(['ping', *METHODS])}")
        _require_verb("POST", *(["GET"] if found.answers_get else []))
        access = _access(runtime, writes=found.writes)
        with (
            runtime.usage.measured(access.account_id, service, method) as usage,
            within_budget(runtime, access.account_id, is_abandoned(request.environ)),
        ):
            let_in(runtime, access, request)
            if found.writes and access.read_only:
                raise ReadOnlyToken(f"the token is read-only, {method} writes")
            received = partial(count_body, runtime, access, request)
            document = read_object(request, max_records=runtime.settings.max_records, received=received)
            _require_few_records(document.get("records"), runtime.settings.max_records)
            response = found.call(runtime, access, found.load(document))
            usage.errors = int(response.status_code >= 400)
            return response

    def thumbnail(record_id: str) -> Response:
        _tell("thumbnail")
        _require_verb("GET", "HEAD")
        access = _access(runtime, writes=False)
        let_in(runtime, access, request)
        return thumbnail_of(runtime, access, request, record_id)

    @app.route("/openapi.json", **options)
    def description() -> Response:
        _tell("docs")
        _require_verb("GET", "HEAD")
        return docs.described(request, document(tuple(paths)))

    @app.route("/docs", **options)
    def docs_page() -> Response:
        _tell("docs")
        _require_verb("GET", "HEAD")
        return docs.page(request)

    @app.route("/docs/<path:name>", **options)
    def docs_file(name: str) -> Response:
        _tell("docs")
        _require_verb("GET", "HEAD")
        return docs.file(request, name)

    add_health(app, runtime)

    for path in paths:
        # The path is spelled out, so that no _id is taken for that of another service.
        app.route(f"/{path}/v2/thumbnail/<rest:record_id>", **options)(thumbnail)

    return app


def _access(runtime: Runtime, *, writes: bool) -> Access:
    collection_id, collection_name = collection_headers(request)
    access = resolve_access(
        runtime,
        read_token(request),
        collection_id=collection_id,
        collection_name=collection_name,
        writes=writes,
    )
    events.report(events.CallerKnown(access.account_id, access.collection.id if access.collection else None))
    return access


def _tell(method: str, service: str | None = None) -> None:
    events.report(events.RequestRouted(service, method))


def _require_verb(*verbs: str) -> None:
    if request.method not in verbs:
        raise MethodNotAllowed(verbs, f"{request.method} is not allowed here, use {' or '.join(verbs)}")


def _require_few_records(records: object, most: int) -> None:
    if isinstance(records, list) and len(records) > most:
        raise InvalidRequest(f"one request may hold at most {most} records, not {len(records)}", path="records")


def _expected_failure(error: LookalikeError) -> Response:
    status = status_of_error(error)
    if status is UNKNOWN_ERROR:
        return _unexpected_failure(error)
    events.report(events.RequestRefused(type(error).__name__))
    if status.code >= 500:
        # One line: while the database is down, every request comes by here.
        told = error.for_operators if isinstance(error, DatabaseUnavailable) else str(error)
        log.warning("%s: %s", _called(), told)
    return failure(status, str(error), retry_after=error.retry_after)


def _http_failure(error: HTTPException) -> Response:
    code = error.code or 500
    description = error.description or "the request cannot be answered"
    if code == 404 and error.description == NotFound.description:
        description = f"there is nothing at {request.path}"
    if isinstance(error, RequestEntityTooLarge):
        description = "the body is larger than this server accepts; send the records in several requests"
    events.report(events.RequestRefused(type(error).__name__))
    headers = dict(error.get_headers())
    return failure(status_of_http(code), description, {"Allow": headers["Allow"]} if "Allow" in headers else None)


def _unexpected_failure(error: Exception) -> Response:
    events.report(events.RequestRefused(type(error).__name__))
    log.error("unexpected failure in %s", _called(), exc_info=error)
    return failure(UNKNOWN_ERROR, "the service failed in an unexpected way; its log says more")


def _called() -> str:
    """What was called, by a name of ours: a path may hold anything."""
    method = str((request.view_args or {}).get("method"))
    return method if method in METHODS else str(request.endpoint)
