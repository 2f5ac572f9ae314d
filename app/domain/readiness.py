"""Whether a process can do its work."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is there of what requests need; ``schema`` is None where the database could not be asked."""

    database: bool
    schema: bool | None
    models: bool
