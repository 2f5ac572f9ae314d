"""Whether a process can do its work: the database, its schema, and the models of existing collections.

Asked by balancers and health checks, often and without a token: what was found counts for a second, and the
database is asked one short question. Models count where they are to be loaded before the first request; one that
is missing is tried again, as nobody else would where no request comes before all is ready.
"""

from functools import partial

from app.db.measures import schema_version
from app.db.migrations import newest_version
from app.domain.errors import LookalikeError, ModelUnavailable
from app.domain.readiness import Readiness
from app.services.operating.preloading import preload_models
from app.services.runtime import Runtime


def readiness(runtime: Runtime) -> Readiness:
    """What is there at the moment, or was a second ago."""
    known = runtime.readiness.get(None)
    if known is None:
        known = _found(runtime)
        runtime.readiness.put(None, known)
    return known


def _found(runtime: Runtime) -> Readiness:
    try:
        version = schema_version(runtime.database)
    except LookalikeError:
        return Readiness(False, None, _has_models(runtime))
    models = _has_models(runtime)
    if not models:
        runtime.background.start("models", partial(preload_models, runtime))
    return Readiness(True, version == newest_version(), models)


def _has_models(runtime: Runtime) -> bool:
    if not runtime.settings.preload:
        return True
    return runtime.expected_models is not None and all(
        _is_loaded(runtime, name) for name in runtime.expected_models
    )


def _is_loaded(runtime: Runtime, name: str) -> bool:
    try:
        return runtime.models.loaded(name) is not None
    except ModelUnavailable:
        return False
