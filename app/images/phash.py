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
