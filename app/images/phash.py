"""The perceptual hash of a picture: PDQ, 256 bits that change little when the picture is re-encoded or resized.

PDQ's filter window follows from the picture's size, so a resized copy is blurred differently; that is why every
picture is brought to 512 × 512 first. Of copies at half size this keeps .97–1.0 within 31 bits, against .65–.8
without it (28 photographs, 462 cut-outs).

Bilinear resampling was measured against Hamming, bicubic and Lanczos on 148 photographs and parts of photographs,
each against its half-size, quarter-size and JPEG-quality-50 copies: all lie between 5.1 and 5.3 bits on average,
and bilinear takes half the time of Lanczos and less. Box is worse: it keeps .88 of the cut-outs' half-size copies.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.images.pdq import pdq

MINIMUM_QUALITY = 10
"""Pictures below this PDQ quality have too little structure for their hashes to say anything.

PDQ's quality (0…100) sums the steps of luminance between neighbouring cells. Empty pictures (one colour or a soft
shading, with noise up to σ = 5 and JPEG artefacts; 1,200 of them) reach 8 at most; those of exactly one colour
have 0, and rounding errors for a hash. Plain products lie above: a light grey object (#e0e0e0) on white has 15, a
mid-grey one 69. Of 462 cut-outs on white 2 % lie below 10, but 27 % below the usual 50; and nothing is gained by
losing those: between 10 and 50, pairs of different pictures are within 31 bits no more often than above.
"""

_SIDE = 512
# Larger pictures are first reduced by a whole factor to about twice this side: half of the time, as steady.
_REDUCING_GAP = 2.0


@dataclass(frozen=True, slots=True)
class PerceptualHash:
    """``bits``: 32 bytes, the most significant bit of PDQ's textual form first. ``quality``: PDQ's, 0…100."""

    bits: bytes
    quality: int


def perceptual_hash(picture: Image.Image) -> PerceptualHash:
    """Hash ``picture``, which has mode RGB and any size."""
    square = picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP)
    return PerceptualHash(*pdq(np.asarray(square)))
