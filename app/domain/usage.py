"""What an account used the service for."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UsageKey:
    """What calls are counted by; ``month`` is its first day, by UTC."""

    account_id: UUID
    month: date
    service: str
    method: str


@dataclass(frozen=True, slots=True)
class MonthOfUsage:
    """What an account used all services for in the month that begins at ``month``, by UTC."""

    month: date
    calls: int
    pictures: int
    credits: int
    errors: int


@dataclass(slots=True)
class Usage:
    """Sums over calls: ``pictures`` embedded, ``credits`` charged, ``errors`` answered, and time in seconds."""

    calls: int = 0
    pictures: int = 0
    credits: int = 0
    errors: int = 0
    seconds: float = 0.0
    worst_seconds: float = 0.0

    def add(self, other: "Usage") -> None:
        """Count the calls of ``other`` as well."""
        self.calls += other.calls
        self.pictures += other.pictures
        self.credits += other.credits
        self.errors += other.errors
        self.seconds += other.seconds
        self.worst_seconds = max(self.worst_seconds, other.worst_seconds)
