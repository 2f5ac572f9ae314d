"""What is decided in the review of duplicates, and undone; and the run that finds the pairs."""

from flask import Response

from app.console.page import Page
from app.console.pages.duplicates import FARTHEST, review_values, show_missing, show_place
from app.console.visit import Form, Visit, leave
from app.domain.errors import InvalidRequest
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.services.acting.doing import recent_actions
from app.services.acting.undoing import undo
from app.services.duplicates.pairs import ON_THE_SPOT
from app.services.duplicates.runs import find_duplicates
from app.services.records.reading import count
from app.services.reviewing.deciding import (
    Removal,
    Unconfirmed,
    judge_different,
    keep_all,
    place_of_version,
    remove,
)
from app.services.reviewing.groups import Missing, Review, begin_review
from app.services.reviewing.places import locate
from app.services.reviewing.rules import rules_of


def decide(visit: Visit) -> Response:
    """Do what was decided about a group, and show the next one; the same again where something is wrong."""
    form = Form.of_body()
    found = begin_review(
        visit.runtime, visit.collection, form.number("radius", DEFAULT_RADIUS, least=0, most=FARTHEST)
    )
    if isinstance(found, Missing):
        return show_missing(visit, found)
    size = form.whole("size", 2, least=2, most=10_000_000)
    at = locate(visit.runtime, visit.reached, found, form.text("group"), size)
    try:
        place = place_of_version(found, at, form.text("version"))
        unconfirmed = _done(visit, found, place, form)
    except InvalidRequest as error:
        return show_place(visit, found, at or 0, fault=str(error))
    if unconfirmed is not None:
        return _to_confirm(visit, found, form, unconfirmed.count)
    after = begin_review(visit.runtime, visit.collection, found.radius)
    if isinstance(after, Missing):
        return show_missing(visit, after)
    # Where a part of the group is left it is looked at again, else the one that has come to its place.
    again = locate(visit.runtime, visit.reached, after, form.text("group"), size)
    return _shown(visit, after, again or 0)


def undo_action(visit: Visit) -> Response:
    """Undo an action, and show the group that it was about."""
    form = Form.of_body()
    id = form.whole("action", 0, least=1, most=2**53)
    about = next((each for each in recent_actions(visit.runtime, visit.reached, before=id + 1, limit=1)), None)
    undone = undo(visit.runtime, visit.reached, id)
    found = begin_review(
        visit.runtime, visit.collection, form.number("radius", DEFAULT_RADIUS, least=0, most=FARTHEST)
    )
    if isinstance(found, Missing):
        return show_missing(visit, found)
    name = about.ids[0] if about is not None and about.id == id and about.ids else ""
    at = locate(visit.runtime, visit.reached, found, name) if name else None
    if at is None:
        at = locate(visit.runtime, visit.reached, found, form.text("group"), 2) if form.text("group") else 0
    left = len(undone.taken) + len(undone.changed) + undone.rejudged
    fault = f"{left} could not be undone: they have been changed since." if left else ""
    return show_place(visit, found, at or 0, fault=fault) if fault else _shown(visit, found, at or 0)


def run(visit: Visit) -> Response:
    """Compare all pictures now, where that does not take long."""
    radius = Form.of_body().number("radius", DEFAULT_RADIUS, least=0.0, most=FARTHEST)
    if count(visit.runtime, visit.collection) > ON_THE_SPOT:
        raise InvalidRequest(f"of more than {ON_THE_SPOT:,} records this takes too long for a page")
    find_duplicates(visit.runtime, visit.collection, radius=radius, report=lambda done, of: None)
    return _to(visit, visit.address("duplicates", radius=repr(radius)))


PAGES = [
    Page("duplicates_decide", "/<uuid:collection>/duplicates/decide", decide, verb="POST", writes=True),
    Page("duplicates_undo", "/<uuid:collection>/duplicates/undo", undo_action, verb="POST", writes=True),
    Page("duplicates_run", "/<uuid:collection>/duplicates/run", run, verb="POST", writes=True),
]


def _done(visit: Visit, found: Review, place: int, form: Form) -> Unconfirmed | None:
    token_id = visit.signed_in.token_id
    decision, only = form.text("decision", "remove"), form.text("only")
    if decision == "different":
        judge_different(visit.runtime, visit.reached, found, place, only=only or None, token_id=token_id)
    elif decision == "keep":
        keep_all(visit.runtime, visit.reached, found, place, token_id=token_id)
    elif decision == "remove":
        removal = Removal(
            go=form.all("go"),
            shown=form.all("shown"),
            rest_goes=form.text("rest") == "go",
            merges=bool(form.text("merges")),
            last_may_go=bool(form.text("last")),
        )
        rules = rules_of(visit.runtime, visit.collection)
        outcome = remove(visit.runtime, visit.reached, found, place, removal, rules, token_id=token_id)
        return outcome if isinstance(outcome, Unconfirmed) else None
    else:
        raise InvalidRequest("there is no such decision", path="decision")
    return None


def _to_confirm(visit: Visit, found: Review, form: Form, number: int) -> Response:
    """The question before a whole group goes: the same form again, with the answer to press."""
    values = review_values(visit, found, None)
    fields = [
        (name, value)
        for name in ("group", "size", "version", "radius", "merges", "rest")
        for value in form.all(name)
    ]
    fields += [(name, value) for name in ("go", "shown") for value in form.all(name)]
    template = "confirm" if visit.is_partial else "confirm_page"
    return visit.render(
        f"duplicates/{template}.html", **values, fields=fields, going=number, named=form.text("group")
    )


def _shown(visit: Visit, found: Review, place: int) -> Response:
    """The group at a place: as a part of the page, or by sending the browser there."""
    if visit.is_partial:
        return show_place(visit, found, place)
    if not len(found.groups):
        return _to(visit, visit.address("duplicates", radius=repr(found.radius)))
    number = min(place, len(found.groups) - 1) + 1
    return _to(visit, visit.address("duplicates", number=number, radius=repr(found.radius)))


def _to(visit: Visit, address: str) -> Response:
    if visit.is_partial:
        return Response(status=204, headers={"HX-Redirect": address})
    return leave(address)
