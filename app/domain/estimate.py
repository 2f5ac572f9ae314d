"""How many records a filter admits, as far as a sample tells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many records match a filter, from a sample: ``matching`` of ``sampled``, out of ``records`` in all."""

    sampled: int
    matching: int
    records: int

    @property
    def share(self) -> float:
        """The matching part of all records, 0 to 1."""
        return self.matching / self.sampled if self.sampled else 0.0

    @property
    def rows(self) -> int:
        """How many records match."""
        return round(self.share * self.records)
