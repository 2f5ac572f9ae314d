"""The log of what was done in the console, and undoing it."""

from flask import Response

from app.console.page import Page
from app.console.visit import Form, Visit, leave
from app.domain.action import Action
from app.services.acting.doing import recent_actions
from app.services.acting.undoing import undo

_SHOWN = 50
MOST = 2**63 - 1


def show(visit: Visit) -> Response:
    """The last actions, the newest first; those before ``before`` are older. ``done`` is one to be told of."""
    asked = Form.of_address()
    before = asked.whole("before", 0, least=0, most=MOST) or None
    found = recent_actions(visit.runtime, visit.reached, before=before, limit=_SHOWN + 1)
    return visit.render(
        "actions/log.html",
        actions=found[:_SHOWN],
        older=found[_SHOWN - 1].id if len(found) > _SHOWN else None,
        before=before,
        done=told_of(visit, found),
        undo_days=visit.runtime.settings.undo_days,
    )


def undo_action(visit: Visit) -> Response:
    """Undo one, and back to the record ``back``, or to the log."""
    form = Form.of_body()
    action_id = form.whole("action", 0, least=0, most=MOST)
    undo(visit.runtime, visit.reached, action_id)
    back = form.text("back")
    if back:
        return leave(visit.address("record", id=back, done=action_id))
    return leave(visit.address("actions", done=action_id))


def told_of(visit: Visit, actions: list[Action]) -> Action | None:
    """The action of which the page is to tell, ``done`` in its address, if it is among some."""
    wanted = Form.of_address().whole("done", 0, least=0, most=MOST)
    return next((action for action in actions if action.id == wanted), None)


PAGES = [
    Page("actions", "/<uuid:collection>/actions", show),
    Page("undo", "/<uuid:collection>/actions/undo", undo_action, verb="POST", writes=True),
]
