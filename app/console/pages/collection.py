"""A collection: how large it is, its indexes, and the search for its duplicates."""

from flask import Response

from app.console.page import Page
from app.console.visit import Form, Visit, leave
from app.domain.model import VECTORS
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.services.duplicates.background_runs import run_progress, start_run
from app.services.operating.attribute_indexes import drop_index
from app.services.operating.overview import build_aside, overview_of
from app.services.transfer.exporting import EXPORTED, WITH_THUMBNAILS, exported_lines

_FARTHEST = 200.0


def show(visit: Visit) -> Response:
    """The collection at a glance."""
    return visit.render(
        "collection/page.html",
        overview=overview_of(visit.runtime, visit.reached),
        run=run_progress(visit.runtime, visit.reached),
        radius=DEFAULT_RADIUS,
        takes_pictures=visit.collection.model.name != VECTORS,
    )


def run(visit: Visit) -> Response:
    """How far the search for duplicates has come, as a part of the page."""
    if not visit.is_partial:
        return leave(visit.address("collection"))
    return _run_part(visit)


def begin_run(visit: Visit) -> Response:
    """Begin to look for duplicates; refused while somebody is at it."""
    radius = Form.of_body().number("radius", DEFAULT_RADIUS, least=0, most=_FARTHEST)
    start_run(visit.runtime, visit.reached, radius=radius)
    return _run_part(visit) if visit.is_partial else leave(visit.address("collection"))


def create(visit: Visit) -> Response:
    """Begin to build an index on an attribute."""
    build_aside(visit.runtime, visit.reached, Form.of_body().text("attribute").strip())
    return leave(visit.address("collection"))


def drop(visit: Visit) -> Response:
    """Drop the index on an attribute."""
    drop_index(visit.runtime, visit.collection, Form.of_body().text("attribute"))
    return leave(visit.address("collection"))


def export(visit: Visit) -> Response:
    """All records as JSON lines, as they can be imported again, to be saved as a file."""
    fields = WITH_THUMBNAILS if Form.of_address().text("thumbnails") else EXPORTED
    response = Response(exported_lines(visit.runtime, visit.reached, fields), mimetype="application/jsonl")
    name = f"{visit.collection.name}.jsonl".replace("/", "_").replace("\\", "_")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


PAGES = [
    Page("collection", "/<uuid:collection>/collection", show),
    Page("run", "/<uuid:collection>/collection/run", run, counts=False),
    Page("begin_run", "/<uuid:collection>/collection/run", begin_run, verb="POST", writes=True),
    Page("create_index", "/<uuid:collection>/collection/index", create, verb="POST", writes=True),
    Page("drop_index", "/<uuid:collection>/collection/index/drop", drop, verb="POST", writes=True),
    Page("export", "/<uuid:collection>/export", export),
]


def _run_part(visit: Visit) -> Response:
    progress = run_progress(visit.runtime, visit.reached)
    return visit.render("collection/run.html", run=progress, radius=DEFAULT_RADIUS)
