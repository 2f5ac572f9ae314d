"""How the bundled model is shown a picture: squared by padding, not by cropping its centre.

It imports no model library, so that a decoder's process may run it where the picture was decoded.
"""

import numpy as np
from PIL import Image

from app.embedding.base import Prepared

SIDE = 224
_WHITE = (255, 255, 255)


def squared(picture: Image.Image) -> Prepared:
    """``picture``, of mode RGB, in the middle of a white square: uint8 of shape (224, 224, 3)."""
    width, height = picture.size
    scale = SIDE / max(width, height)
    fitted = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = Image.new("RGB", (SIDE, SIDE), _WHITE)
    square.paste(
        picture.resize(fitted, Image.Resampling.BICUBIC, reducing_gap=2.0),
        ((SIDE - fitted[0]) // 2, (SIDE - fitted[1]) // 2),
    )
    return np.asarray(square)
