"""A page: its address, who may see it, and the function that shows it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response


@dataclass(frozen=True, slots=True)
class Page:
    """``path`` is below /console and has ``<uuid:collection>`` where the page is about a collection.

    ``show`` gets the ``Visit`` and the other parts of the path. A page that ``writes`` is refused to read-only
    tokens; one that is ``public`` needs no session. Whatever is not a GET has to bring the session's CSRF token. A
    page ``counts`` as a call of its token, unless browsers ask for it again and again by themselves.
    """

    name: str
    path: str
    show: Callable[..., Response]
    verb: str = "GET"
    writes: bool = False
    public: bool = False
    counts: bool = True

    @property
    def of_collection(self) -> bool:
        """Whether it is about a collection."""
        return "<uuid:collection>" in self.path


Values = dict[str, Any]
"""What a template is given, by names."""
