"""The table that ``make bench`` prints."""

from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of what was measured, the figure, what it is compared with, and what it should be."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, what: str, figure: str, reference: str = "", target: str = "") -> None:
        """Add a row, and show it at once: a full run takes minutes."""
        self.rows.append((what, figure, reference, target))
        print(f"… {what}: {figure}  {reference}", flush=True)

    def show(self) -> None:
        """Print all rows in columns."""
        rows = [("measured", "figure", "beside", "target"), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        print()
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
