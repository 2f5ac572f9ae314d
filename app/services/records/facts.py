"""One record with all that is known of it."""

from app.db.record_facts import record_facts
from app.domain.account import Access
from app.domain.errors import InvalidRequest
from app.domain.record import parse_reference
from app.domain.record_facts import RecordFacts
from app.services.access import require_collection
from app.services.runtime import Runtime


def facts_of(runtime: Runtime, access: Access, id: str) -> RecordFacts | None:
    """All that is known of a record; None without one, and for what can be no ``_id``."""
    try:
        parse_reference({"_id": id}, "")
    except InvalidRequest:
        return None
    return record_facts(runtime.database, require_collection(access), id)
