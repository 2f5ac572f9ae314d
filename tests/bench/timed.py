"""What one way of searching took and found."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Timed:
    """Times (ms a query), and how much of what was to be found was found."""

    times: list[float] = field(default_factory=list)
    hits: int = 0
    wanted: int = 0
    short: int = 0

    @property
    def recall(self) -> float:
        """The part of the true neighbours that was found, 0 to 1."""
        return self.hits / self.wanted if self.wanted else 1.0

    @property
    def median(self) -> float:
        """ms."""
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        """ms."""
        return float(np.quantile(self.times, 0.95))

    def take(self, run: Callable[[], set[str]], truth: set[str]) -> None:
        """Run a query once, and compare what it finds with the truth."""
        started = time.perf_counter()
        found = run()
        self.times.append((time.perf_counter() - started) * 1000)
        self.count(found, truth)

    def count(self, found: set[str], truth: set[str]) -> None:
        """The same for a query that was timed elsewhere."""
        self.hits += len(found & truth)
        self.wanted += len(truth)
        self.short += len(found) < len(truth)

    def __str__(self) -> str:
        return f"{self.median:.1f} / {self.p95:.1f} ms ({self.recall:.3f})"
