"""Small pictures as arrays: reduced, blurred, their gradients and correlation. The last two axes are down,
across.
"""

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float32]

_STRIP = 4
_LUMA = (0.299, 0.587, 0.114)


def luma(colours: Planes) -> Planes:
    """(…, side, side) of (…, 3, side, side), red, green and blue: ITU-R BT.601, as JPEG, WebP and Pillow's
    greyscale.
    """
    red, green, blue = _LUMA
    made: Planes = colours[..., 0, :, :] * np.float32(red)
    made += colours[..., 1, :, :] * np.float32(green)
    made += colours[..., 2, :, :] * np.float32(blue)
    return made


def reduced(planes: Planes, factor: int) -> Planes:
    """Means of ``factor`` × ``factor`` cells, of which both sides have a whole number."""
    if factor == 1:
        return planes
    # Sums of slices take a third of the time that numpy takes for means over two short axes.
    rows = planes[..., ::factor, :].copy()
    for row in range(1, factor):
        rows += planes[..., row::factor, :]
    made: Planes = rows[..., ::factor].copy()
    for column in range(1, factor):
        made += rows[..., column::factor]
    made *= np.float32(1 / factor**2)
    return made


def extreme(planes: Planes, factor: int, pick: np.ufunc) -> Planes:
    """Of ``factor`` × ``factor`` cells each, a power of two, what ``pick`` takes: the lightest or the darkest."""
    # In halves, rows first: numpy takes ten times as long over two short axes.
    made = planes
    while made.shape[-2] > planes.shape[-2] // factor:
        made = pick(made[..., ::2, :], made[..., 1::2, :])
    while made.shape[-1] > planes.shape[-1] // factor:
        made = pick(made[..., ::2], made[..., 1::2])
    return made


def blurred(planes: Planes) -> Planes:
    """With the binomial filter of 3 × 3; beyond the edges their cells go on."""
    made = np.empty_like(planes)
    np.add(planes[..., :-2, :], planes[..., 2:, :], out=made[..., 1:-1, :])
    np.add(planes[..., 0, :], planes[..., 1, :], out=made[..., 0, :])
    np.add(planes[..., -1, :], planes[..., -2, :], out=made[..., -1, :])
    rows = _with_neighbours(planes, made)
    made = np.empty_like(rows)
    np.add(rows[..., :-2], rows[..., 2:], out=made[..., 1:-1])
    np.add(rows[..., 0], rows[..., 1], out=made[..., 0])
    np.add(rows[..., -1], rows[..., -2], out=made[..., -1])
    return _with_neighbours(rows, made)


def _with_neighbours(planes: Planes, sums: Planes) -> Planes:
    sums *= np.float32(0.5)
    sums += planes
    sums *= np.float32(0.5)
    return sums


def gradients(planes: Planes) -> tuple[Planes, Planes]:
    """Central differences across and down, a cell apart; beyond the edges their cells go on."""
    across, down = np.empty(planes.shape, np.float32), np.empty(planes.shape, np.float32)
    np.subtract(planes[..., 2:], planes[..., :-2], out=across[..., 1:-1])
    np.subtract(planes[..., 1], planes[..., 0], out=across[..., 0])
    np.subtract(planes[..., -1], planes[..., -2], out=across[..., -1])
    np.subtract(planes[..., 2:, :], planes[..., :-2, :], out=down[..., 1:-1, :])
    np.subtract(planes[..., 1, :], planes[..., 0, :], out=down[..., 0, :])
    np.subtract(planes[..., -1, :], planes[..., -2, :], out=down[..., -1, :])
    across *= np.float32(0.5)
    down *= np.float32(0.5)
    return across, down


def slope(planes: Planes) -> Planes:
    """The square of the gradient."""
    across, down = gradients(planes)
    across *= across
    down *= down
    across += down
    return across


def window_means(planes: Planes, width: int) -> Planes:
    """Means over all windows of ``width`` × ``width`` cells that lie inside, each side shorter by ``width`` -
    1.
    """
    down = planes.shape[-2] - width + 1
    rows = planes[..., :down, :].copy()
    for row in range(1, width):
        rows += planes[..., row : row + down, :]
    across = planes.shape[-1] - width + 1
    made: Planes = rows[..., :across].copy()
    for column in range(1, width):
        made += rows[..., column : column + across]
    made *= np.float32(1 / width**2)
    return made


def product(matrix: Planes, planes: Planes) -> Planes:
    """``matrix`` (m, side) by each of ``planes`` (…, side, k).

    In strips too small for OpenBLAS to spread over threads, which on a busy machine wait for each other for longer
    than all of it takes; so the result does not depend on their number either.
    """
    strips = matrix.reshape(-1, _STRIP, matrix.shape[1])
    made = np.matmul(strips, planes[..., None, :, :])
    whole: Planes = made.reshape(*planes.shape[:-2], len(matrix), planes.shape[-1])
    return whole


def highest(planes: Planes, width: int) -> Planes:
    """The maximum around each cell, over windows of ``width`` × ``width``, an odd number."""
    reach = width // 2
    made = planes
    for axis in (-1, -2):
        wide = np.moveaxis(made, axis, 0)
        far = np.concatenate([np.repeat(wide[:1], reach, axis=0), wide, np.repeat(wide[-1:], reach, axis=0)])
        most = far[: len(wide)].copy()
        for shift in range(1, width):
            np.maximum(most, far[shift : shift + len(wide)], out=most)
        made = np.moveaxis(most, 0, axis)
    return np.ascontiguousarray(made)


def normalised(planes: Planes, weights: Planes) -> Planes:
    """(n, side, side) with weighted mean 0 and deviation 1, or less where it was below one grey level."""
    total = np.maximum(weights.sum(axis=(1, 2)), np.float32(1e-6))
    mean = (planes * weights).sum(axis=(1, 2)) / total
    centred = planes - mean[:, None, None]
    spread = np.sqrt((centred * centred * weights).sum(axis=(1, 2)) / total)
    made: Planes = centred / np.maximum(spread, np.float32(1))[:, None, None]
    return made


def correlation(one: Planes, other: Planes, weights: Planes) -> Planes:
    """(n,) the weighted correlations of (n, side, side), of which little remains where there is hardly any
    contrast.
    """
    a, b = normalised(one, weights), normalised(other, weights)
    made: Planes = (a * b * weights).sum(axis=(1, 2)) / np.maximum(weights.sum(axis=(1, 2)), np.float32(1e-6))
    return made


def correlation_within(one: Planes, other: Planes, mask: NDArray[np.bool_]) -> Planes:
    """As ``correlation``, of what lies within one ``mask`` (side, side) for all: faster."""
    # Taken so that each row is contiguous, and sums do not depend on how many rows there are.
    inside = np.flatnonzero(mask)
    a, b = (np.take(planes.reshape(len(planes), -1), inside, axis=1) for planes in (one, other))
    a = a - a.mean(axis=1, keepdims=True)
    b = b - b.mean(axis=1, keepdims=True)
    count = np.float32(max(a.shape[1], 1))
    spread_a, spread_b = (np.sqrt(np.einsum("nk,nk->n", planes, planes) / count) for planes in (a, b))
    made: Planes = np.einsum("nk,nk->n", a, b) / count
    made /= np.maximum(spread_a, np.float32(1)) * np.maximum(spread_b, np.float32(1))
    return made
