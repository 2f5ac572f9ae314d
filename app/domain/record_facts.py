"""All that is known of one record, for somebody who looks at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """A record with its dates and digests. ``width`` and ``height`` are those of its picture in pixels, None
    without a thumbnail; ``phash`` is None where it says nothing.
    """

    id: str
    attributes: Mapping[str, Any]
    url: str | None
    file: str | None
    content_hash: bytes | None
    pixel_hash: bytes | None
    phash: bytes | None
    phash_quality: int | None
    created_at: datetime
    updated_at: datetime
    width: int | None
    height: int | None
