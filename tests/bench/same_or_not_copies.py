"""The kinds of copies that tests.bench.same_or_not makes."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.bench.near_duplicates import COPIES as OLD_COPIES
from tests.bench.near_duplicates import Copy, resized


def bordered(share: float, colour: str) -> Copy:
    """With a border of that share of the longer side."""

    def copy(picture: Image.Image) -> Image.Image:
        width = max(1, round(share * max(picture.size)))
        wide = Image.new("RGB", (picture.width + 2 * width, picture.height + 2 * width), colour)
        wide.paste(picture, (width, width))
        return wide

    return copy


def cut(left: float, top: float, right: float, bottom: float) -> Copy:
    """Without these shares of the sides."""
    return lambda picture: picture.crop(
        (
            round(left * picture.width),
            round(top * picture.height),
            round((1 - right) * picture.width),
            round((1 - bottom) * picture.height),
        )
    )


def marked(
    face: Path, text: str, place: tuple[float, float], anchor: str, colour: tuple[int, int, int, int]
) -> Copy:
    """With a line of text in a corner."""

    def copy(picture: Image.Image) -> Image.Image:
        layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
        font = ImageFont.truetype(str(face), max(7, round(0.045 * max(picture.size))))
        spot = (place[0] * picture.width, place[1] * picture.height)
        ImageDraw.Draw(layer).text(spot, text, font=font, fill=colour, anchor=anchor)
        return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")

    return copy


def copies(folder: Path) -> dict[str, Copy]:
    """Every kind of copy."""
    face = next(folder.rglob("DejaVuSansMono.ttf"))
    return {
        **{kind: copy for kind, copy in OLD_COPIES.items() if "cropped" not in kind},
        "resized to 75%": resized(0.75),
        "cropped by 2 % at each edge": cut(0.02, 0.02, 0.02, 0.02),
        "cropped by 5 % at each edge": cut(0.05, 0.05, 0.05, 0.05),
        "cropped unevenly": cut(0, 0.03, 0.05, 0.01),
        "white border of 2 %": bordered(0.02, "white"),
        "black border of 2 %": bordered(0.02, "black"),
        "watermark, white": marked(face, "© shop", (0.97, 0.97), "rs", (255, 255, 255, 170)),
        "watermark, grey": marked(face, "example", (0.03, 0.97), "ls", (90, 90, 90, 150)),
    }
