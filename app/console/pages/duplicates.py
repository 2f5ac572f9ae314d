"""The review of duplicates: one group of near duplicates after the other, side by side."""

from itertools import pairwise
from typing import Any

from flask import Response, request

from app.console.page import Page, Values
from app.console.shown import SIGNALS
from app.console.visit import Form, Visit
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.review_rule import LABELS, MOST_RULES, WITH_VALUE
from app.services.acting.doing import recent_actions
from app.services.duplicates.pairs import ON_THE_SPOT
from app.services.records.reading import count
from app.services.reviewing.groups import STEPS, Missing, Review, begin_review, radius_of_step
from app.services.reviewing.places import locate, place_of, stay_at
from app.services.reviewing.rules import rules_of
from app.services.reviewing.showing import ShownGroup, show_group

FARTHEST = 1000.0
_GONE_IN_A_ROW = 50
_LOOKED_BACK = 10


def show(visit: Visit) -> Response:
    """The group that the address names, else the one where the account was, else the first."""
    asked = Form.of_address()
    here = place_of(visit.runtime, visit.reached)
    radius = asked.number("radius", -1.0, least=0.0, most=FARTHEST)
    step = asked.whole("step", -1, least=0, most=STEPS)
    found = begin_review(
        visit.runtime, visit.collection, _radius(visit, radius, step, here.radius if here else None)
    )
    if isinstance(found, Missing):
        return show_missing(visit, found)
    number = asked.whole("number", 0, least=1, most=10_000_000)
    name, size = asked.text("group"), asked.whole("size", 0, least=2, most=10_000_000) or None
    if not name and here is not None:
        name, size = here.least_id, here.size
    at = number - 1 if number else locate(visit.runtime, visit.reached, found, name, size) if name else 0
    return show_place(visit, found, at or 0, offset=asked.whole("offset", 0, least=0, most=10_000_000))


def show_place(visit: Visit, found: Review, place: int, *, offset: int = 0, fault: str = "") -> Response:
    """The group at a place, or the next that is still one; as a part of the page where that is asked for."""
    rules = rules_of(visit.runtime, visit.collection)
    group = None
    place = min(place, len(found.groups) - 1)
    for at in range(max(place, 0), min(place + _GONE_IN_A_ROW, len(found.groups))):
        if (group := show_group(visit.runtime, visit.reached, found, at, rules, offset=offset)) is not None:
            break
    if group is not None and visit.may_write:
        stay_at(visit.runtime, visit.reached, found, group.place, group.name)
    values = review_values(visit, found, group) | {"rules": rules, "fault": fault}
    if visit.is_partial and request.args.get("part") == "more":
        return visit.render("duplicates/more.html", **values)
    response = visit.render(f"duplicates/{'review' if visit.is_partial else 'page'}.html", **values)
    if visit.is_partial and group is not None:
        response.headers["HX-Push-Url"] = visit.address("duplicates", group=group.name, radius=repr(found.radius))
    return response


def show_missing(visit: Visit, missing: Missing) -> Response:
    """Why there is nothing to review, and what can be done about it."""
    records = count(visit.runtime, visit.collection)
    return visit.render(
        f"duplicates/{'missing' if visit.is_partial else 'missing_page'}.html",
        missing=missing.value,
        records=records,
        on_the_spot=records <= ON_THE_SPOT,
        radius=DEFAULT_RADIUS,
        section="duplicates",
    )


def review_values(visit: Visit, found: Review, group: ShownGroup | None) -> Values:
    """What the templates of a review are given."""
    last = recent_actions(visit.runtime, visit.reached, limit=_LOOKED_BACK) if visit.may_write else []
    # What somebody else did is undone in the history, where it is seen first.
    own = [action for action in last if action.token_id == visit.signed_in.token_id and action.can_be_undone]
    return {
        "found": found,
        "group": group,
        "steps": STEPS,
        "signals": {signal.value: words for signal, words in SIGNALS.items()},
        "labels": LABELS,
        "with_value": [kind.value for kind in WITH_VALUE],
        "most_rules": MOST_RULES,
        "bars": _bars(found),
        "undoable": own[0] if own else None,
        "section": "duplicates",
    }


def _radius(visit: Visit, radius: float, step: int, kept: float | None) -> float | None:
    if radius >= 0:
        return radius
    return kept if step < 0 else radius_of_step(visit.runtime, visit.collection, step)


def _bars(found: Review) -> list[dict[str, Any]]:
    """The histogram of distances: of each step its height (0 to 20, by the square root), and if it is within."""
    ends = found.pairs_by_step
    counts = [after - (before if at else 0) for at, (before, after) in enumerate(pairwise(ends))]
    most = max(counts, default=0) or 1
    return [
        {"x": at, "height": round(20 * (each / most) ** 0.5, 2), "within": at < found.step, "count": each}
        for at, each in enumerate(counts)
    ]


PAGES = [Page("duplicates", "/<uuid:collection>/duplicates", show)]
