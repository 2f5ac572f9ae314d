"""From any mode that a decoder yields to 8-bit RGB without transparency."""

from functools import cache

import numpy as np
from PIL import Image, ImageCms

from app.images.colour import in_srgb

_SIXTEEN_BIT_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})


def to_rgb(picture: Image.Image, icc_profile: object = None) -> Image.Image:
    """``picture`` (loaded, any mode) in mode RGB, in the colours of sRGB; transparency laid on white.

    ``icc_profile`` are the bytes of the profile that its samples are in; anything else is taken for sRGB.
    Greyscale of 16 bits is scaled to 8. Integers of 32 bits and floats have no fixed range: floats within 0…1 are
    taken as such, anything else is stretched from its lowest to its highest value; for neither does a profile say
    anything. Without a need to convert, ``picture`` itself comes back.
    """
    unbounded = picture.mode in {"I", "F"}
    if picture.mode in _SIXTEEN_BIT_MODES:
        picture = _from_sixteen_bits(picture)
    elif unbounded:
        picture = _from_unbounded(picture)
    elif picture.mode == "LAB":
        return _from_lab(picture)
    if icc_profile is not None and not unbounded:
        picture = in_srgb(picture, icc_profile)
    if picture.has_transparency_data:
        return _on_white(picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode == "La":
        picture = picture.convert("LA")
    rgba = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba)
    return white


def _from_sixteen_bits(picture: Image.Image) -> Image.Image:
    """Mode L, or LA where one value is declared transparent (the tRNS chunk of a PNG)."""
    values = np.asarray(picture)
    grey = Image.fromarray(_eight_bit_table()[values])
    transparent = picture.info.get("transparency")
    if not isinstance(transparent, int):
        return grey
    opaque = Image.fromarray(np.where(values == transparent, np.uint8(0), np.uint8(255)))
    return Image.merge("LA", (grey, opaque))


@cache
def _eight_bit_table() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Every 16-bit value in 8 bits, rounded: 65535 = 257 · 255."""
    return ((np.arange(65536) + 128) // 257).astype(np.uint8)


def _from_unbounded(picture: Image.Image) -> Image.Image:
    # In place throughout: a limit's worth of pixels takes 400 MB in this type.
    values = np.array(picture, dtype=np.float32)
    np.nan_to_num(values, copy=False, nan=0, posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if picture.mode == "F" and low >= 0 and high <= 1:
        low, high = 0, 1
    values -= low
    values *= 255 / ((high - low) or 1)
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))


def _from_lab(picture: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    assert converted is not None, "not done in place, so there is a result"
    return converted
