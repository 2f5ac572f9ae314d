"""Connections that know how long the database was waited for."""

import time
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow


class TimedConnection(Connection[TupleRow]):
    """A connection that adds up its waits: ``waited``, in seconds."""

    waited: float = 0.0

    def wait(self, *args: Any, **options: Any) -> Any:
        """As in the driver, which lets everything that it waits for pass by here."""
        started = time.perf_counter()
        try:
            return super().wait(*args, **options)
        finally:
            self.waited += time.perf_counter() - started
