"""``python -m tests.images.pdq_equality [--pictures 5000]``: app.images.pdq against the package pdqhash.

Says for each kind of picture how many hashes and qualities are equal, and how fast both are, one thread each.
``--store`` writes the oracle's results for the pictures of pdq_golden.tsv instead, which tests compare with where
pdqhash cannot be compiled.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from app.images.pdq import pdq
from app.images.phash import perceptual_hash
from tests.images.pdq_pictures import DRAWN, SIDE, Pixels, drawn, photograph_part, pictures

GOLDEN = Path(__file__).with_name("pdq_golden.tsv")
_SEEDS = range(8)
_ROUNDS = 15
_TIMED = 40


def oracle(rgb: Pixels) -> tuple[bytes, int]:
    """What the reference says; raises ``ImportError`` where it is not installed."""
    import pdqhash

    bits, quality = pdqhash.compute(np.ascontiguousarray(rgb))
    return np.packbits(bits).tobytes(), int(quality)


def golden() -> dict[tuple[str, int], tuple[bytes, int]]:
    """The oracle's hash and quality, by kind and seed of a drawn picture."""
    results = {}
    for line in GOLDEN.read_text().splitlines():
        kind, seed, bits, quality = line.split("\t")
        results[kind, int(seed)] = bytes.fromhex(bits), int(quality)
    return results


def _store() -> None:
    lines = []
    for kind in DRAWN:
        for seed in _SEEDS:
            bits, quality = oracle(drawn(kind, seed))
            lines.append(f"{kind}\t{seed}\t{bits.hex()}\t{quality}\n")
    GOLDEN.write_text("".join(lines))


def _compare(count: int) -> bool:
    seen, hashes, qualities = Counter[str](), Counter[str](), Counter[str]()
    for kind, rgb in pictures(count):
        (bits, quality), (expected_bits, expected_quality) = pdq(rgb), oracle(rgb)
        seen[kind] += 1
        hashes[kind] += bits == expected_bits
        qualities[kind] += quality == expected_quality
    print(f"{'':24}pictures  equal hashes  equal qualities")
    for kind, number in [*seen.items(), ("all", seen.total())]:
        equal = [counter.total() if kind == "all" else counter[kind] for counter in (hashes, qualities)]
        print(f"{kind:24}{number:8}  {equal[0]:12}  {equal[1]:15}")
    return hashes.total() == qualities.total() == seen.total()


def _rates(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float, float]:
    """Pictures a second of both, and the second's share of the first: medians of rounds taken in turn."""
    seconds: tuple[list[float], list[float]] = [], []
    for _ in range(_ROUNDS):
        for work, taken in zip((one, other), seconds, strict=True):
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
    share = median(first / second for first, second in zip(*seconds, strict=True))
    return _TIMED / median(seconds[0]), _TIMED / median(seconds[1]), share


def _time() -> None:
    originals = [photograph_part(seed).convert("RGB") for seed in range(_TIMED)]
    squares = [np.asarray(picture.resize((SIDE, SIDE))) for picture in originals]

    def resized_for_oracle(picture: Image.Image) -> Pixels:
        return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0))

    for what, one, other in (
        ("hash of 512 × 512", lambda: [oracle(rgb) for rgb in squares], lambda: [pdq(rgb) for rgb in squares]),
        (
            "resize and hash",
            lambda: [oracle(resized_for_oracle(picture)) for picture in originals],
            lambda: [perceptual_hash(picture) for picture in originals],
        ),
    ):
        reference, own, share = _rates(one, other)
        print(f"{what}: pdqhash {reference:.0f}/s, app.images.pdq {own:.0f}/s, {share:.2f} × as fast")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--store", action="store_true")
    chosen = parser.parse_args()
    if chosen.store:
        _store()
        return 0
    equal = _compare(chosen.pictures)
    _time()
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
