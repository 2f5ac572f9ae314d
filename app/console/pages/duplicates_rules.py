"""The rules that choose which picture of a group stays, and what applying them to all groups does."""

from flask import Response

from app.console.page import Page
from app.console.pages.duplicates import FARTHEST, review_values, show_missing
from app.console.visit import Form, Visit, leave
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.services.reviewing.everywhere import Wanted, apply, basis_of, preview
from app.services.reviewing.groups import Missing, Review, begin_review
from app.services.reviewing.rules import rules_of, save_rules

_FIELDS = ("kind", "value", "name")


def save(visit: Visit) -> Response:
    """Save the rules as they stand in the form, with one of them moved up or down or out, and go back."""
    form = Form.of_body()
    columns = [form.all(field) for field in _FIELDS]
    documents = [dict(zip(_FIELDS, row, strict=True)) for row in zip(*columns, strict=False)]
    verb, _, place = form.text("change").partition(" ")
    at = next((at for at in range(len(documents)) if place == str(at)), None)
    if at is not None:
        moved = documents.pop(at)
        if verb in ("up", "down"):
            documents.insert(max(0, at + (-1 if verb == "up" else 1)), moved)
    save_rules(visit.runtime, visit.reached, [each for each in documents if each["kind"]])
    shown = {"group": form.text("group"), "radius": form.text("radius"), "rules": "open"}
    return leave(visit.address("duplicates", **{name: value for name, value in shown.items() if value}))


def show_all(visit: Visit) -> Response:
    """What the rules would do to all groups."""
    asked = Form.of_address()
    found = _found(visit, asked)
    if isinstance(found, Missing):
        return show_missing(visit, found)
    rules, wanted = rules_of(visit.runtime, visit.collection), _wanted(asked)
    told = preview(visit.runtime, visit.reached, found, rules, wanted)
    values = review_values(visit, found, None)
    return visit.render(
        "duplicates/everywhere.html",
        **values,
        told=told,
        rules=rules,
        wanted=wanted,
        basis=basis_of(found, rules, wanted),
        undo_days=visit.runtime.settings.undo_days,
    )


def apply_to_all(visit: Visit) -> Response:
    """Apply them to a part of the groups, and tell how far it has come; the page asks for the next part."""
    form = Form.of_body()
    found = _found(visit, form)
    if isinstance(found, Missing):
        return show_missing(visit, found)
    rules, wanted = rules_of(visit.runtime, visit.collection), _wanted(form)
    part = apply(
        visit.runtime,
        visit.reached,
        found,
        rules,
        wanted,
        before=form.text("before"),
        basis=form.text("basis"),
        token_id=visit.signed_in.token_id,
    )
    total = form.whole("total", part.groups + part.left, least=0, most=10_000_000)
    removed = form.whole("removed", 0, least=0, most=10_000_000) + part.removed
    return visit.render(
        f"duplicates/{'progress' if visit.is_partial else 'progress_page'}.html",
        part=part,
        done=max(0, total - part.left),
        total=total,
        removed=removed,
        radius=found.radius,
        wanted=wanted,
        basis=form.text("basis"),
        section="duplicates",
    )


PAGES = [
    Page("duplicates_rules", "/<uuid:collection>/duplicates/rules", save, verb="POST", writes=True),
    Page("duplicates_everywhere", "/<uuid:collection>/duplicates/everywhere", show_all),
    Page("duplicates_apply", "/<uuid:collection>/duplicates/everywhere", apply_to_all, verb="POST", writes=True),
]


def _found(visit: Visit, form: Form) -> Review | Missing:
    radius = form.number("radius", DEFAULT_RADIUS, least=0.0, most=FARTHEST)
    return begin_review(visit.runtime, visit.collection, radius)


def _wanted(form: Form) -> Wanted:
    return Wanted(merges=bool(form.text("merges")), chains=bool(form.text("chains")))
