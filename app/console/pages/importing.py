"""Pictures into a collection, from the folders of whoever looks at the page."""

from flask import Response, request

from app.console.page import Page
from app.console.visit import Form, Visit
from app.domain.model import VECTORS
from app.services.inserting.files import PictureFile, insert_files


def show(visit: Visit) -> Response:
    """The form."""
    return _page(visit, None)


def insert(visit: Visit) -> Response:
    """Insert the files that were sent; ``path`` has the place of each in its folder, where a script knows it."""
    form = Form.of_body()
    sent, paths = request.files.getlist("files"), form.all("path")
    files = []
    for place, file in enumerate(sent):
        path = paths[place] if place < len(paths) else file.filename or ""
        if path:
            files.append(PictureFile(path, file.read()))
    done = insert_files(visit.runtime, visit.reached, files, guarded=bool(form.text("guarded")))
    if visit.is_partial:
        return visit.render("import/outcome.html", done=done, sent=len(files))
    return _page(visit, done, sent=len(files))


PAGES = [
    Page("import", "/<uuid:collection>/import", show),
    Page("import_files", "/<uuid:collection>/import", insert, verb="POST", writes=True),
]


def _page(visit: Visit, done: object, sent: int = 0) -> Response:
    return visit.render(
        "import/page.html",
        done=done,
        sent=sent,
        takes_pictures=visit.collection.model.name != VECTORS,
        most_bytes=visit.runtime.settings.max_image_bytes,
        most_at_once=visit.runtime.settings.max_body_bytes,
    )
