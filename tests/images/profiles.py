"""ICC profiles (version 2) made by hand, and pictures in their colours."""

import struct
from io import BytesIO
from itertools import product

import numpy as np
from PIL import Image, ImageCms

_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))
_GRID = 9


def _signed(value: float) -> int:
    return round(value * 65536)


def _xyz(values: object) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(_signed(float(value)) for value in np.asarray(values)))


def gamma_curve(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + b"\0\0"


def srgb_curve() -> bytes:
    encoded = np.linspace(0, 1, 1024)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return b"curv\0\0\0\0" + struct.pack(">I1024H", 1024, *np.rint(linear * 65535).astype(int))


def profile(space: bytes, tags: dict[bytes, bytes], *, pcs: bytes = b"XYZ ", kind: bytes = b"mntr") -> bytes:
    """A whole profile of the given tags, with the description and the copyright that each must have."""
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 78
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(_D50), **tags}
    at = 128 + 4 + 12 * len(tags)
    table, content = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(content), len(value))
        content += value + b"\0" * (-len(value) % 4)
    date = struct.pack(">6H", 2024, 1, 1, 0, 0, 0)
    head = struct.pack(">I4sI4s4s4s", at + len(content), b"test", 0x02400000, kind, space, pcs) + date + b"acsp"
    head = (head + b"\0" * 28 + struct.pack(">3i", *map(_signed, _D50))).ljust(128, b"\0")
    return head + table + content


def rgb_profile(primaries: tuple[float, ...], white: tuple[float, float], curve: bytes) -> bytes:
    """A matrix and curve profile; ``primaries``: x and y of red, green and blue."""
    x, y = np.array(primaries[::2]), np.array(primaries[1::2])
    colours = np.stack((x / y, np.ones(3), (1 - x - y) / y))
    white_xyz = np.array((white[0] / white[1], 1, (1 - white[0] - white[1]) / white[1]))
    matrix = colours * np.linalg.solve(colours, white_xyz)
    cones = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white_xyz))
    adapted = np.linalg.inv(_BRADFORD) @ cones @ _BRADFORD @ matrix
    tags = {name: _xyz(adapted[:, column]) for column, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return profile(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


_D65 = (0.3127, 0.329)

SRGB = rgb_profile((0.64, 0.33, 0.3, 0.6, 0.15, 0.06), _D65, srgb_curve())

WIDE = {
    "Display P3": rgb_profile((0.68, 0.32, 0.265, 0.69, 0.15, 0.06), _D65, srgb_curve()),
    "Adobe RGB": rgb_profile((0.64, 0.33, 0.21, 0.71, 0.15, 0.06), _D65, gamma_curve(563 / 256)),
    "ProPhoto RGB": rgb_profile(
        (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001), (0.3457, 0.3585), gamma_curve(1.8)
    ),
    "Rec. 2020": rgb_profile((0.708, 0.292, 0.17, 0.797, 0.131, 0.046), _D65, gamma_curve(2.4)),
}


def grey_profile(exponent: float) -> bytes:
    return profile(b"GRAY", {b"kTRC": gamma_curve(exponent)})


_INKS = np.array(((0, 0.65, 0.9), (0.9, 0.1, 0.5), (1, 0.95, 0.1), (0.1, 0.1, 0.1)))
"""The sRGB colour of each ink of ``cmyk_profile`` on white paper."""


def printed(cmyk: np.ndarray) -> np.ndarray:
    """What inks (…, 4) of ``cmyk_profile`` look like in sRGB (…, 3), both 0…1; each filters the others."""
    return np.prod(1 - cmyk[..., None] * (1 - _INKS), axis=-2)


def cmyk_profile() -> bytes:
    """A printer's profile: a table of what ``printed`` says, in CIELAB."""
    steps = np.array(list(product(np.linspace(0, 1, _GRID), repeat=4)))
    colours = Image.fromarray(np.rint(printed(steps) * 255).astype(np.uint8)[None])
    srgb, cielab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(colours, srgb, cielab, outputMode="LAB")
    assert converted is not None
    # Pillow keeps a and b as signed bytes, the table has them shifted by 128.
    table = (np.asarray(converted) ^ np.array((0, 128, 128), np.uint8)).astype(np.uint8).tobytes()
    straight = bytes(range(256))
    unity = struct.pack(">9i", *(_signed(float(value)) for value in np.eye(3).flat))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, _GRID, 0)) + unity + straight * 4 + table + straight * 3
    return profile(b"CMYK", dict.fromkeys((b"A2B0", b"A2B1"), lut), pcs=b"Lab ", kind=b"prtr")


def saved_in(picture: Image.Image, icc_profile: bytes) -> Image.Image:
    """The sRGB ``picture`` in the colours of another RGB or grey profile."""
    converted = ImageCms.profileToProfile(
        picture,
        ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(BytesIO(icc_profile)),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert converted is not None
    converted.info.clear()
    return converted
