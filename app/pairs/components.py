"""Connected components of a graph, in NumPy."""

import numpy as np
from numpy.typing import NDArray


def connected_components(left: NDArray[np.int64], right: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The component of each of ``count`` nodes, as its least node; an edge joins ``left[i]`` and ``right[i]``.

    Labels are hooked onto smaller ones and paths halved until nothing changes (Shiloach and Vishkin 1982).
    """
    label = np.arange(count)
    while True:
        before = label.copy()
        least = np.minimum(label[left], label[right])
        for ends in (left, right):
            np.minimum.at(label, before[ends], least)
            np.minimum.at(label, ends, least)
        label = label[label]
        if np.array_equal(label, before):
            return label
