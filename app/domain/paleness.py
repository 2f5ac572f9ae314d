"""What lightening leaves of white things on white: too little to correlate by, and nothing that became darker.

A step of a look (``app.domain.look``) that goes by correlations alone asks here of which pairs they say less than
of others, or nothing at all.
"""

import numpy as np
from numpy.typing import NDArray

from app.domain.planes import Planes

LEAST_CORRELATION = 0.45
"""Of pairs that may be one pale picture and what is left of it."""

PALE = 16.0
"""Levels of contrast, in one of both."""

_FAINT = 8.0  # levels of contrast, in both
_NOISY = 3.0  # levels of contrast, in both, that noise may outweigh
_NEARLY_WHITE = 240  # levels
_LOST = 0.7  # of the contrast of the darker one
_DARKER = 4.0  # levels
_FEW = 0.01  # of the cells
_ROUNDED = 1.1  # times the limits, and levels


def hardly_telling(
    one: Planes, other: Planes, contrast: NDArray[np.float64], *, rounded: bool = False
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(n,) each: for which pairs of coarse luma (n, side, side) the correlation says less than otherwise, and for
    which it says nothing; ``contrast`` (n, 2).

    White things on white lose much of what they correlate by when they are lightened. Then no part of the lighter
    picture is darker than it was. Where cells are ``rounded`` all that is near the limits is within.
    """
    wider = _ROUNDED if rounded else 1.0
    places = np.arange(len(one))
    means = np.stack([one.mean(axis=(1, 2)), other.mean(axis=(1, 2))], axis=1)
    lighter = means.argmax(axis=1)
    lost = contrast[places, lighter] < wider * _LOST * contrast[places, 1 - lighter]
    lost &= means[places, lighter] >= _NEARLY_WHITE - (wider > 1)
    gone = np.where((lighter == 1)[:, None, None], one - other, other - one)
    lost &= (gone > _DARKER + (wider > 1)).mean(axis=(1, 2)) <= wider * _FEW
    least, most = contrast.min(axis=1) / wider, contrast.max(axis=1) / wider
    return (lost & (least < PALE)) | (most < _FAINT), ((most < _FAINT) & lost) | (most < _NOISY)


def may_be_lost(contrasts: Planes, means: Planes) -> NDArray[np.bool_]:
    """(pairs,): of which pairs the whole cells are needed to tell, by their contrasts and means (2, pairs), of
    rounded cells.
    """
    lighter = means[0] < means[1]
    lesser, greater = np.where(lighter, contrasts[::-1], contrasts)
    made: NDArray[np.bool_] = lesser < _ROUNDED * np.minimum(PALE, _LOST * greater)
    made &= means.max(axis=0) >= _NEARLY_WHITE - 1
    return made
