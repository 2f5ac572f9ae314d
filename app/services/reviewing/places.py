"""Where somebody is in the review of a collection, kept over sign-outs."""

import numpy as np

from app.db import review
from app.db.review import Place
from app.domain.account import Access
from app.domain.record import is_id
from app.services.access import require_collection
from app.services.reviewing.groups import Review
from app.services.runtime import Runtime


def place_of(runtime: Runtime, access: Access) -> Place | None:
    """Where the account was; None where it was not there yet."""
    return review.find_place(runtime.database, access.account_id, require_collection(access))


def stay_at(runtime: Runtime, access: Access, found: Review, place: int, name: str) -> None:
    """Note that the account looks at a group."""
    here = Place(found.radius, name, int(found.groups.size[place]))
    review.save_place(runtime.database, access.account_id, require_collection(access), here)


def locate(runtime: Runtime, access: Access, found: Review, name: str, size: int | None = None) -> int | None:
    """The place of the group that a record is in; without one that of the group which would come after it.

    None where there are no groups, where nothing is known of its ``size``, and for what can be no ``_id``.
    """
    groups, collection = found.groups, require_collection(access)
    if not len(groups) or not is_id(name):
        return None
    key = review.key_of_id(runtime.database, collection, name)
    for node in groups.graph.nodes_of([] if key is None else [key]).tolist():
        if groups.of_node[node] >= 0:
            return int(groups.of_node[node])
    if size is None:
        return None
    larger, equal = int(np.sum(groups.size > size)), groups.size == size
    least = groups.graph.keys[groups.least[equal]].tolist()
    before = review.count_before(runtime.database, collection, least, name) if least else 0
    return min(larger + before, len(groups) - 1)
