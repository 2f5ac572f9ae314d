"""One record with all that is known of it."""

from app.db.record_facts import record_facts
from app.domain.account import Access
from app.domain.record import is_id
from app.domain.record_facts import RecordFacts
from app.services.access import require_collection
from app.services.runtime import Runtime


def facts_of(runtime: Runtime, access: Access, id: str) -> RecordFacts | None:
    """All that is known of a record; None without one, and for what can be no ``_id``."""
    return record_facts(runtime.database, require_collection(access), id) if is_id(id) else None
