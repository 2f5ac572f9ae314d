"""What stored pictures are to one picture, with as few looks as that takes.

    digests → a glance (app.domain.glance) → thumbnails read → a look (app.domain.look)

Digests and what a glance needs come with the candidates. So the files of most of them are never read, and where no
candidate is left the database is not asked again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.db.database import Session
from app.db.near_duplicates import Near
from app.domain.collection import Collection
from app.domain.glance import Sight, worth_looking_at
from app.domain.near_duplicate import Signal, calibration_of, near_distance
from app.domain.picture import Picture, Wanted, compare, identity
from app.services.pictures import pictures_of
from app.services.runtime import Runtime

Outcome = tuple[float, Signal]

_BEYOND: Outcome = (math.inf, Signal.VISUAL)


@dataclass(frozen=True, slots=True)
class Sought:
    """The picture that others are compared with: a record's, by its ``key``, or another one. ``sight`` is None
    where it has no thumbnail.
    """

    sight: Sight | None
    key: int | None = None
    picture: Picture | None = None


def outcomes_of(
    runtime: Runtime,
    collection: Collection,
    sought: Sought,
    candidates: Sequence[Near],
    wanted: Wanted,
    connection: Session | None = None,
) -> list[Outcome]:
    """The near-duplicate distance of each candidate, infinite where it is only known not to be wanted; and its
    signal.

    ``connection`` is one that the caller holds already.
    """
    calibration = calibration_of(collection.model)
    outcomes: dict[int, Outcome] = {}
    open_: list[Near] = []
    for item in candidates:
        if sought.sight is None or item.sight is None:
            outcomes[item.key] = near_distance(item.visual, item.bits, calibration)
        elif (same := identity(sought.sight, item.sight)) is not None:
            outcomes[item.key] = (0.0, same)
        elif item.key == sought.key:
            outcomes[item.key] = (0.0, Signal.COPY)
        else:
            open_.append(item)
    if sought.sight is not None and open_:
        sights = [item.sight for item in open_ if item.sight is not None]
        worth = worth_looking_at(sought.sight, sights, wanted.farthest)
        open_ = [item for item, is_worth in zip(open_, worth.tolist(), strict=True) if is_worth]
    if open_:
        keys = [item.key for item in open_]
        if sought.picture is None and sought.key is not None:
            keys.append(sought.key)
        pictures = pictures_of(runtime, collection, keys, connection)
        one = sought.picture or pictures.get(keys[-1], Picture())
        others = [pictures.get(item.key, Picture()) for item in open_]
        compared = compare(one, others, [(item.visual, item.bits) for item in open_], calibration)
        outcomes.update(zip((item.key for item in open_), compared, strict=True))
    return [outcomes.get(item.key, _BEYOND) for item in candidates]
