"""The sample catalogue's things for the home: each a function from proportions to parts, back to front.

A part names its paint by its role (``body``, ``trim``, …); the colours, the light and the camera are the painter's
business.
"""

import math

from app.samples.shapes import (
    Part,
    Path,
    Variation,
    around,
    box,
    ellipse,
    flat,
    gloss,
    mirrored,
    rounded,
    smooth,
    stroke,
)


def mug(v: Variation) -> list[Part]:
    h, w, rim = v(0.5, 0.9), v(0.46, 0.68), v(0.07, 0.17)
    foot, belly = w * v(0.62, 1.02), v(-0.06, 0.1)
    reach, top, low, thick = w + v(0.26, 0.46), -h * v(0.35, 0.7), h * v(0.2, 0.75), v(0.1, 0.17)

    def half_width(y: float) -> float:
        t = (y + h) / (2 * h)
        return w + (foot - w) * t**2 + belly * math.sin(math.pi * t)

    mid = (top + low) / 2
    bends: dict[str, Path] = {
        "square": [(reach, top - 0.02), (reach, low)],
        "round": [(reach - 0.06, top + 0.05), (reach, mid), (reach - 0.08, low)],
        "ear": [(reach, top - 0.04), (reach, mid)],
    }
    bend = bends[v.pick("square", "round", "ear")]
    handle = smooth([(w * 0.9, top), *bend, (half_width(low) * 0.92, low + 0.03)], closed=False)
    side = [(half_width(-h + 2 * h * i / 12), -h + 2 * h * i / 12) for i in range(13)]
    body = [*side, *ellipse(0, h, half_width(h), rim * 0.8, 0, 180), *[(-x, y) for x, y in reversed(side)]]
    return [
        Part(stroke(handle, thick, thick * 0.85), v.pick("body", "body", "trim"), depth=0.6),
        Part(body, "body", tube=True, depth=0.15, warp=around(half_width, rim)),
        gloss([(-w * 0.62, -h * 0.6), (-half_width(h * 0.5) * 0.62, h * 0.55)], w * 0.16),
        Part(ellipse(0, -h, w, rim), "pale", depth=0.1),
        Part(ellipse(0, -h + 0.005, w - 0.05, rim - 0.025), v.pick("cream", "deep", "white"), depth=0.2),
        Part(ellipse(0.03, -h + rim * 0.42, w * 0.72, rim * 0.42), "dark", depth=0, opacity=0.3, blur=0.04),
    ]


def bottle(v: Variation) -> list[Part]:
    w, neck, shoulder = v(0.26, 0.44), v(0.1, 0.2), v(-0.5, -0.12)
    top, base, lid, waist = -0.66, 0.93, v(-0.95, -0.8), v(0, 0.05)

    def half_width(y: float) -> float:
        t = max(0.0, min(1.0, (y - top) / (shoulder - top)))
        below = max(0.0, (y - shoulder) / (base - shoulder))
        return neck + (w - neck) * (3 * t**2 - 2 * t**3) - waist * math.sin(math.pi * below)

    side = [(half_width(top + (base - top) * i / 30), top + (base - top) * i / 30) for i in range(30)]
    body = [*side, *ellipse(0, base - 0.05, w, 0.09, 0, 180), *[(-x, y) for x, y in reversed(side)]]
    cap = v.pick("metal", "wood", "dark", "trim")
    parts = [Part(body, "body", tube=True, depth=0.1, warp=around(half_width, 0.06))]
    if v.pick("loop", "plain") == "loop":
        parts.insert(0, Part(stroke(ellipse(0, lid, neck * 0.9, 0.16, 180, 360), 0.055), cap, depth=0.5))
    if v.pick("band", "none") == "band":
        parts.append(Part(box(-w * 1.01, base - 0.2, w * 1.01, base - 0.1, 0.02), cap, tube=True))
    return [
        *parts,
        gloss([(-w * 0.55, shoulder + 0.12), (-w * 0.55, 0.7)], w * 0.2, 0.4),
        Part(box(-neck * 1.15, lid, neck * 1.15, top + 0.03, 0.05), cap, tube=True, depth=0.2),
        gloss([(-neck * 0.6, lid + 0.05), (-neck * 0.6, top - 0.02)], neck * 0.25),
    ]


def lamp(v: Variation) -> list[Part]:
    top, bottom, low, bow = v(0.2, 0.44), v(0.5, 0.72), v(-0.2, 0.06), 0.07
    high = low - v(0.5, 0.72)

    def half_width(y: float) -> float:
        return top + (bottom - top) * (y - high) / (low - high)

    material = v.pick("wood", "metal", "brass", "dark")
    if v.pick("stem", "ceramic") == "stem":
        base = [
            Part(ellipse(0, 0.92, v(0.24, 0.42), 0.07), material, depth=0.4),
            Part(box(-0.035, low, 0.035, 0.92, 0.02), material, tube=True),
        ]
    else:
        b, n = v(0.2, 0.38), v(0.07, 0.12)
        profile: Path = [(n, low), (n, low + 0.16), (b, 0.42 + 0.2 * low), (b * 0.85, 0.75), (b * 0.55, 0.95)]
        pot = mirrored(smooth(profile, closed=False))
        base = [
            Part(pot, v.pick("trim", "body", "cream"), tube=True, depth=0.2),
            gloss([(-b * 0.5, 0.45), (-b * 0.5, 0.68)], 0.07, 0.5),
            Part(box(-n * 1.2, low, n * 1.2, low + 0.17, 0.02), material, tube=True),
        ]
    shade = [*ellipse(0, low, bottom, bow * 1.2, 0, 180), *ellipse(0, high, top, bow * 0.7, 180, 0)]
    return [
        *base,
        Part(shade, "body", tube=True, depth=0.05, warp=around(half_width, bow)),
        Part(ellipse(0, (high + low) / 2 + 0.1, bottom * 0.45, 0.2), "glow", depth=0, opacity=0.4, blur=0.14),
        Part(ellipse(0, high, top, bow * 0.7), "glow", depth=0.2),
        Part(ellipse(0, high + 0.01, top * 0.8, bow * 0.4), "wood", depth=0, opacity=0.4, blur=0.03),
    ]


def chair(v: Variation) -> list[Part]:
    w, back, rise, splay = v(0.42, 0.6), v(-0.95, -0.6), v(-0.02, 0.2), v(0, 0.16)
    turn, front, thick = v(0.05, 0.16), rise + v(0.18, 0.32), v(0.09, 0.17)
    wood, round_top = v.pick("wood", "dark", "leather", "metal"), v(0.08, 0.4)
    leg = v(0.06, 0.1)
    seat: Path = [(-w + turn, rise), (w + turn, rise), (w + 0.02, front), (-w - 0.06, front)]
    apron: Path = [
        (-w - 0.06, front - 0.03),
        (w + 0.02, front - 0.03),
        (w, front + thick),
        (-w - 0.04, front + thick),
    ]
    left, right = (-w + turn + 0.02, rise + 0.04), (w + turn - 0.02, rise + 0.04)
    tilt = v(0, 0.1)
    rest = rounded([(left[0] + tilt, back), (right[0] + tilt, back), right, left], round_top)
    parts = [
        Part(stroke([left, (left[0] + splay * 0.3, 0.86)], leg * 0.8, leg * 0.6), wood, depth=0.5),
        Part(stroke([right, (right[0] + splay * 0.6, 0.86)], leg * 0.8, leg * 0.6), wood, depth=0.5),
        Part([(x + 0.05, y + 0.01) for x, y in rest], "deep", depth=0.3),
        Part(rest, "body", depth=0.45, warp=flat),
    ]
    if v.pick("arms", "none") == "arms":
        for x, shift in ((left[0], -0.09), (right[0], 0.0)):
            arm: Path = [(x, rise - 0.28), (x + shift, front - 0.22), (x + shift, front)]
            parts.append(Part(stroke(smooth(arm, closed=False), 0.07), wood, depth=0.5))
    foot = 0.97
    return [
        *parts,
        Part(stroke([(-w + 0.02, front), (-w - 0.02 - splay, foot)], leg, leg * 0.7), wood, depth=0.5),
        Part(stroke([(w - 0.06, front), (w - 0.04 + splay, foot)], leg, leg * 0.7), wood, depth=0.5),
        Part(rounded(apron, 0.06), "deep", depth=0.3),
        Part(rounded(seat, 0.07), "body", depth=0.35, warp=flat),
    ]


def cushion(v: Variation) -> list[Part]:
    kind = v.pick("square", "square", "oblong", "round")
    w, h, pinch = v(0.72, 0.86), v(0.7, 0.86), v(0.04, 0.12)
    if kind == "oblong":
        h = v(0.42, 0.56)
    if kind == "round":
        outline = ellipse(0, 0, w, h)
    else:
        right: Path = [
            (w * 0.5, -h + pinch),
            (w, -h),
            (w - pinch, -h * 0.5),
            (w - pinch * 1.2, 0),
            (w - pinch, h * 0.5),
            (w, h),
            (w * 0.5, h - pinch),
        ]
        outline = smooth(
            [(0, -h + pinch * 1.2), *right, (0, h - pinch * 1.2), *[(-x, y) for x, y in reversed(right)]]
        )

    def bulge(s: float, t: float) -> tuple[float, float]:
        return s * (1 - 0.1 * (t / h) ** 2), t * (1 - 0.1 * (s / w) ** 2)

    parts = [Part(outline, "body", depth=0.9, warp=bulge)]
    edge = v.pick("piping", "button", "tassels", "none")
    if edge == "piping":
        parts.insert(0, Part(stroke([*outline, outline[0]], 0.06), "trim", depth=0.3))
    elif edge == "button":
        parts.append(Part(ellipse(0, 0, 0.22, 0.2), "dark", depth=0, opacity=0.3, blur=0.09))
        parts.append(Part(ellipse(0, 0, 0.07, 0.07), "trim", depth=0.5))
    elif edge == "tassels" and kind != "round":
        corners = [(x * w, y * h, x, y) for x in (-1, 1) for y in (-1, 1)]
        parts = [
            Part(stroke([(x, y), (x + dx * 0.09, y + dy * 0.12)], 0.06, 0.12), "trim", depth=0.3)
            for x, y, dx, dy in corners
        ] + parts
    return parts
