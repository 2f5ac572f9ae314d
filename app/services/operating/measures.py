"""What is measured of the database, for whoever reads metrics."""

from app.db import measures
from app.db.measures import Measure
from app.services.runtime import Runtime


def measure_database(runtime: Runtime) -> list[Measure]:
    """Versions, sizes and counts; raises ``DatabaseUnavailable`` and ``QueryTimeout``, soon."""
    return measures.measures(runtime.database)
