"""One record: its picture, its attributes to be changed, what is near it, and what was done to it."""

from dataclasses import dataclass
from typing import Any

from flask import Response

from app.console.page import Page
from app.console.pages.actions import told_of
from app.console.shown import SIGNALS, sentence
from app.console.visit import Form, Visit, leave
from app.domain.attribute_text import ValueKind, kind_of, text_of, value_of
from app.domain.errors import InvalidRequest
from app.domain.fields import ONLY_ID
from app.domain.near_duplicate import DEFAULT_RADIUS, NearDuplicate, Signal
from app.domain.picture import Wanted
from app.domain.ranking import Neighbour
from app.domain.record_facts import RecordFacts
from app.services.acting.doing import edit, recent_actions, remove
from app.services.duplicates.near import near_duplicates_of
from app.services.records.facts import facts_of
from app.services.searching.visual import Wish, visual_knn

_NEIGHBOURS = 12
_ACTIONS = 10
_ATTRIBUTES = 300
_DUPLICATES = 60
_EACH_RECORD = ""  # as a product of its own


@dataclass(frozen=True, slots=True)
class Editing:
    """The attribute that is being changed; ``name`` is empty for a new one. ``fault``: why it was not saved."""

    name: str
    kind: ValueKind
    text: str
    fault: str = ""
    is_new: bool = False


def show(visit: Visit) -> Response:
    """The record ``id``; with ``edit`` the form of an attribute, with ``add`` one for another. 404 without it."""
    asked = Form.of_address()
    id = asked.text("id")
    facts = facts_of(visit.runtime, visit.reached, id)
    if facts is None:
        return _nobody(visit, id)
    editing = _wanted_form(visit, facts, asked)
    if visit.is_partial:
        return _attributes(visit, facts, editing)
    log = recent_actions(visit.runtime, visit.reached, record_id=id, limit=_ACTIONS)
    return visit.render(
        "record/page.html",
        facts=facts,
        neighbours=_neighbours(visit, id),
        near=_near(visit, id) if asked.text("duplicates") else None,
        signals=SIGNALS,
        actions=log,
        done=told_of(visit, log),
        undo_days=visit.runtime.settings.undo_days,
        **_of_attributes(facts, editing),
    )


def duplicates(visit: Visit) -> Response:
    """The near duplicates of the record ``id``, as a part of its page."""
    id = Form.of_address().text("id")
    if not visit.is_partial:
        return leave(visit.address("record", id=id, duplicates=1))
    if facts_of(visit.runtime, visit.reached, id) is None:
        return _nobody(visit, id)
    return visit.render("record/duplicates.html", near=_near(visit, id), signals=SIGNALS)


def save(visit: Visit) -> Response:
    """Put or remove an attribute; what cannot be saved is shown again with the reason."""
    form = Form.of_body()
    id, name = form.text("id"), form.text("name")
    facts = facts_of(visit.runtime, visit.reached, id)
    if facts is None:
        return _nobody(visit, id)
    kind = next((kind for kind in ValueKind if kind.name == form.text("kind")), ValueKind.TEXT)
    is_new = form.text("new") == "1"
    try:
        if form.text("do") == "remove":
            done = edit(visit.runtime, visit.reached, id, {}, [name], token_id=visit.signed_in.token_id)
        else:
            _check_name(name, is_new=is_new, facts=facts)
            patch = {name: value_of(kind, form.text("value"))}
            done = edit(visit.runtime, visit.reached, id, patch, token_id=visit.signed_in.token_id)
    except InvalidRequest as error:
        editing = Editing(name, kind, form.text("value"), _told(error), is_new)
        if visit.is_partial:
            return _attributes(visit, facts, editing, 400)
        return visit.render("record/attributes_page.html", 400, facts=facts, **_of_attributes(facts, editing))
    if not visit.is_partial:
        return leave(visit.address("record", id=id, done=done.action_id or 0))
    changed = facts_of(visit.runtime, visit.reached, id)
    if changed is None:
        return _nobody(visit, id)
    log = recent_actions(visit.runtime, visit.reached, record_id=id, limit=1) if done.action_id else []
    return _attributes(visit, changed, None, done=log[0] if log else None)


def delete(visit: Visit) -> Response:
    """Delete the record ``id``; the log says so, and undoes it."""
    id = Form.of_body().text("id")
    done = remove(visit.runtime, visit.reached, [id], token_id=visit.signed_in.token_id)
    return leave(visit.address("actions", done=done.action_id or 0, gone=id))


PAGES = [
    Page("record", "/<uuid:collection>/record", show),
    Page("record_duplicates", "/<uuid:collection>/record/duplicates", duplicates),
    Page("record_attribute", "/<uuid:collection>/record/attribute", save, verb="POST", writes=True),
    Page("record_delete", "/<uuid:collection>/record/delete", delete, verb="POST", writes=True),
]


def _nobody(visit: Visit, id: str) -> Response:
    """No such record: but perhaps there was one, and it can come back."""
    if visit.is_partial:
        return visit.render("failure_part.html", 404, told="There is no such record any more: reload the page.")
    log = recent_actions(visit.runtime, visit.reached, record_id=id, limit=_ACTIONS)
    return visit.render("record/nobody.html", 404, id=id, actions=log)


def _attributes(
    visit: Visit, facts: RecordFacts, editing: Editing | None, status: int = 200, **more: Any
) -> Response:
    values = {"done": None, **_of_attributes(facts, editing), **more}
    return visit.render("record/attributes.html", status, facts=facts, **values)


def _of_attributes(facts: RecordFacts, editing: Editing | None) -> dict[str, Any]:
    """What the part with the attributes needs: those whose name has a text in it, as many as are shown at once."""
    wanted = Form.of_address().text("find")
    names = [name for name in sorted(facts.attributes) if wanted.casefold() in name.casefold()]
    shown = names[:_ATTRIBUTES]
    if editing is not None and editing.name in facts.attributes and editing.name not in shown:
        shown.append(editing.name)
    return {
        "shown": {name: facts.attributes[name] for name in shown},
        "matching": len(names),
        "find": wanted,
        "editing": editing,
        "kinds": list(ValueKind),
        "many": len(facts.attributes) > 20,
    }


def _wanted_form(visit: Visit, facts: RecordFacts, asked: Form) -> Editing | None:
    if not visit.may_write:
        return None
    if asked.text("add"):
        return Editing("", ValueKind.TEXT, "", is_new=True)
    name = asked.text("edit")
    if "edit" not in asked.values or name not in facts.attributes:
        return None
    value = facts.attributes[name]
    return Editing(name, kind_of(value), text_of(value))


def _check_name(name: str, *, is_new: bool, facts: RecordFacts) -> None:
    if not name:
        raise InvalidRequest("an attribute needs a name", path="name")
    if is_new and name in facts.attributes:
        raise InvalidRequest("the record has an attribute of this name already", path="name")


def _neighbours(visit: Visit, id: str) -> list[Neighbour]:
    wish = Wish(ONLY_ID, product_field=_EACH_RECORD)
    found = visual_knn(visit.runtime, visit.reached, {"_id": id}, wish, k=_NEIGHBOURS + 1, offset=0)
    return [near for near in found.neighbours if near.record.id != id][:_NEIGHBOURS]


def _near(visit: Visit, id: str) -> list[NearDuplicate]:
    """Near duplicates with the variants, but not what merely looks alike."""
    wanted = Wanted(DEFAULT_RADIUS, frozenset(Signal))
    found = near_duplicates_of(
        visit.runtime, visit.reached, {"_id": id}, ONLY_ID, wanted=wanted, effort=None, where=None
    )
    return [near for near in found.near if near.record.id != id][:_DUPLICATES]


def _told(error: InvalidRequest) -> str:
    return f"{sentence(str(error).removeprefix(f'{error.path}: '))}."
