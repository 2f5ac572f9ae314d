"""From the colours of an embedded ICC profile to sRGB, so that one picture saved in two colour spaces stays one.

Relative colorimetric with black-point compensation: colours inside sRGB come out exactly, whichever space they
were saved in (a perceptual table would move them to make room for colours that sRGB has not), white and black
stay white and black, and what lies outside is clipped, as browsers do it.

A transform is built once for each profile and shared by all threads (LittleCMS only reads it). Building it, a grid
of colours is sent through: a profile that leaves them where they are is sRGB under whatever name and costs nothing
from then on, and one that does not tell black from white is ignored like one that cannot be read.
"""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from app.images.bare_file import MAX_PROFILE_BYTES

_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_CLASSES = frozenset({"mntr", "scnr", "prtr", "spac"})
_SPACES = {"RGB": "RGB ", "RGBA": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
"""The colour space that a profile has to be of, by the mode of a picture."""

_REMEMBERED = 16
_SAME = 2
"""Levels of 255 by which an sRGB profile may differ from LittleCMS's own: their curves are rounded differently."""

_LEAST_CONTRAST = 128
"""Levels of 255 between what a profile makes of its black and its white."""


def in_srgb(picture: Image.Image, icc_profile: object) -> Image.Image:
    """``picture`` (8 bits a channel) in the colours of sRGB: RGB or RGBA if converted, else its mode and pixels.

    A profile that is broken, absurd, too large or for another kind of pixels is ignored.
    """
    if not isinstance(icc_profile, bytes) or not 128 < len(icc_profile) <= MAX_PROFILE_BYTES:
        return picture
    convertible = _convertible(picture)
    if convertible.mode == "LA":
        grey, alpha = convertible.split()
        transform = _transform(icc_profile, "L")
        if transform is None:
            return picture
        converted = transform.apply(grey)
        converted.putalpha(alpha)
        return converted
    transform = _transform(icc_profile, convertible.mode)
    return picture if transform is None else transform.apply(convertible)


def _convertible(picture: Image.Image) -> Image.Image:
    """``picture`` in a mode that has a transform, with its transparency in a channel."""
    mode = picture.mode
    if picture.has_transparency_data:
        wanted = "LA" if mode in {"L", "LA", "La"} else "RGBA"
    else:
        wanted = "RGB" if mode in {"P", "RGBX", "YCbCr"} else mode
    return picture if mode == wanted else picture.convert(wanted)


@lru_cache(maxsize=_REMEMBERED)
def _transform(icc_profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From ``mode`` to RGB (RGBA stays RGBA); None where there is nothing to convert, or no sense in it."""
    if mode not in _SPACES:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile))
        if profile.profile.xcolor_space != _SPACES[mode] or profile.profile.device_class not in _CLASSES:
            return None
        transform = ImageCms.ImageCmsTransform(
            profile,
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            mode,
            "RGBA" if mode == "RGBA" else "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=_FLAGS,
        )
        return transform if _moves_colours(transform, mode) else None
    except Exception:  # noqa: BLE001 (a profile that LittleCMS cannot read, or Pillow cannot describe, says nothing)
        return None


def _moves_colours(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether the transform changes a picture, and tells white from black at all."""
    ink = mode == "CMYK"
    light, dark = (Image.new(mode, (1, 1), level) for level in _white_and_black(mode))
    white, black = (np.asarray(transform.apply(pixel), dtype=float)[..., :3].mean() for pixel in (light, dark))
    if white - black < _LEAST_CONTRAST:
        return False
    if ink:
        return True
    grid = _grid(mode)
    before = np.asarray(grid.convert("RGB"), dtype=int)
    after = np.asarray(transform.apply(grid).convert("RGB"), dtype=int)
    return bool(np.abs(after - before).max() > _SAME)


def _white_and_black(mode: str) -> tuple[int | tuple[int, ...], int | tuple[int, ...]]:
    if mode == "L":
        return 255, 0
    if mode == "CMYK":
        return (0, 0, 0, 0), (255, 255, 255, 255)
    return (255,) * len(mode), (0,) * (len(mode) - 1) + ((255,) if mode == "RGBA" else (0,))


def _grid(mode: str) -> Image.Image:
    """All greys, or colours in steps of 15 in each channel."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None, :])
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    picture = Image.fromarray(colours)
    return picture if mode == "RGB" else picture.convert(mode)
