"""What lightening and fading do to a copy's colours."""

import numpy as np

from app.domain.exposure import applied, fitted


def test_a_pair_is_seen_the_same_alone_and_beside_a_paler_one() -> None:
    rng = np.random.default_rng(0)
    one = rng.uniform(0, 200, (2, 3, 32, 32)).astype(np.float32)
    other = one + np.float32(3)
    other[1] = one[1].mean(axis=0)  # grey
    weights = np.ones((2, 32, 32), np.float32)
    together = fitted(one, other, weights)
    assert together.fade_one.min() < 0.9
    alone = fitted(one[:1], other[:1], weights[:1])
    assert (together.gain[0], together.offset[0]) == (alone.gain[0], alone.offset[0])
    for ours, alone_ours in zip(applied(one, other, together), applied(one[:1], other[:1], alone), strict=True):
        assert np.array_equal(ours[0], alone_ours[0])
