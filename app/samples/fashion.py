"""The sample catalogue's things to wear and carry: each a function from proportions to parts, back to front.

A part names its paint by its role (``body``, ``trim``, …); the colours, the light and the camera are the painter's
business.
"""

import math

from app.samples.shapes import (
    Part,
    Path,
    Variation,
    box,
    ellipse,
    flat,
    gloss,
    mirrored,
    rounded,
    seam,
    smooth,
    stroke,
)


def t_shirt(v: Variation) -> list[Part]:
    w, hem, length, sleeve = v(0.46, 0.58), v(0.46, 0.62), v(0.7, 0.92), v(0.02, 0.6)
    neck, dip, top = v(0.16, 0.24), v(0.1, 0.3), -0.72
    cuff_x, cuff_y, cuff = 0.86 + 0.06 * sleeve, -0.22 + sleeve, v(0.2, 0.28)
    armpit = (w, -0.22)
    right: Path = [
        (neck, top - 0.06),
        (w + 0.08, top + 0.1),
        (cuff_x, cuff_y - 0.1),
        (cuff_x - cuff, cuff_y + 0.06),
        armpit,
        (hem, length),
    ]
    outline = rounded(mirrored(right), 0.07)
    collar = (
        ellipse(0, top - 0.05, neck, dip, 0, 180)
        if v.pick("crew", "v") == "crew"
        else [(neck, top - 0.06), (0, top + dip + 0.08), (-neck, top - 0.06)]
    )
    parts = [
        Part(outline, "body", depth=0.3, warp=flat),
        Part([*collar, (0, top - 0.1)], "deep", depth=0.2),
        Part(stroke(collar, 0.06), v.pick("body", "trim", "deep"), depth=0.3),
        seam([(-hem + 0.03, length - 0.06), (hem - 0.03, length - 0.06)]),
    ]
    for side in (-1, 1):
        parts.append(seam([(side * (w - 0.02), top + 0.12), (side * (w - 0.04), -0.4), (side * w, -0.22)]))
        fold = smooth([(side * w * 0.8, -0.1), (side * w * 0.55, 0.2), (side * w * 0.62, 0.5)], closed=False)
        parts.append(Part(stroke(fold, 0.05, 0.02), "dark", depth=0, opacity=0.14, blur=0.02))
    if v.pick("pocket", "none") == "pocket":
        parts.append(Part(box(0.12, -0.32, 0.36, -0.04, 0.04), "body", depth=0.4))
    return parts


def sneaker(v: Variation) -> list[Part]:
    collar, tongue, nose, sole = v(-0.5, -0.12), v(-0.62, -0.3), v(0.02, 0.16), v(0.14, 0.26)
    ground, throat = 0.56, v(0.1, 0.3)
    floor = ground - sole
    upper = smooth(
        [
            (-0.82, floor + 0.12),
            (-0.92, 0.05),
            (-0.86, collar - 0.04),
            (-0.7, collar + 0.03),
            (-0.42, collar + 0.05),
            (-0.3, tongue),
            (-0.14, tongue + 0.06),
            (throat, nose - 0.13),
            (0.6, nose + 0.02),
            (0.88, nose + 0.14),
            (0.84, floor + 0.12),
        ]
    )
    base = rounded(
        [
            (-0.97, floor),
            (0.6, floor + 0.02),
            (1.02, floor - 0.04),
            (1.0, ground - 0.04),
            (0.85, ground),
            (-0.9, ground),
            (-0.97, ground - 0.05),
        ],
        0.08,
    )
    toe = smooth(
        [(0.62, floor + 0.06), (0.6, nose + 0.12), (0.72, nose + 0.05), (0.9, nose + 0.16), (0.86, floor + 0.1)]
    )
    parts = [
        Part(
            smooth([(-0.42, collar + 0.1), (-0.34, tongue - 0.1), (-0.16, tongue - 0.06), (0.1, nose)]),
            "trim",
            depth=0.3,
        ),
        Part(upper, "body", depth=0.45, warp=flat),
        Part(toe, v.pick("white", "cream", "deep"), depth=0.4),
    ]
    heel = smooth(
        [(-0.83, floor + 0.1), (-0.94, 0.02), (-0.86, collar), (-0.74, collar + 0.1), (-0.7, floor + 0.05)]
    )
    parts.append(Part(heel, v.pick("trim", "deep"), depth=0.3))
    mark, mark_paint = v.pick("swoop", "bars", "none"), v.pick("deep", "white")
    if mark == "swoop":
        line = smooth([(-0.55, 0.24), (-0.1, 0.2), (0.3, -0.02 + nose * 0.5)], closed=False)
        parts.append(Part(stroke(line, 0.16, 0.03), mark_paint, depth=0.2))
    elif mark == "bars":
        bars = ([(-0.3 + i * 0.17, floor), (-0.2 + i * 0.17, nose - 0.05)] for i in range(3))
        parts += [Part(stroke(bar, 0.07), mark_paint, depth=0.2) for bar in bars]
    for i in range(4):
        x, y = -0.16 + (throat + 0.18) * i / 3.4, tongue + 0.1 + (nose - tongue - 0.2) * i / 3.4
        parts.append(Part(stroke([(x - 0.1, y + 0.09), (x + 0.05, y - 0.04)], 0.05), "white", depth=0.2))
    return [
        *parts,
        Part(base, v.pick("white", "white", "cream", "dark"), depth=0.35),
        seam([(-0.95, ground - sole * 0.35), (0.98, ground - sole * 0.35)], 0.018),
    ]


def handbag(v: Variation) -> list[Part]:
    w, top, lean, h = v(0.6, 0.85), v(-0.3, 0.02), v(-0.06, 0.2), 0.82
    body = rounded([(-w + lean, top), (w - lean, top), (w, h), (-w, h)], v(0.1, 0.28))
    grip, reach, metal = w * v(0.35, 0.62), top - v(0.38, 0.62), v.pick("brass", "metal", "dark")
    strap = v.pick("leather", "trim", "deep")
    arch: Path = [(-grip, top + 0.12), (-grip * 0.92, (top + reach) / 2), (0, reach)]
    arch += [(-x, y) for x, y in reversed(arch[:-1])]
    loop = stroke(smooth(arch, closed=False), v(0.06, 0.1))
    parts = [
        Part([(x * 0.94 + 0.04, y - 0.05) for x, y in loop], strap, depth=0.4),
        Part(body, "body", depth=0.5, warp=flat),
    ]
    style = v.pick("flap", "tote", "pocket")
    if style == "flap":
        drop = top + (h - top) * v(0.4, 0.62)
        edge: Path = [
            (-w + lean - 0.01, top - 0.02),
            (w - lean + 0.01, top - 0.02),
            (w - 0.06, drop - 0.1),
            (-w + 0.06, drop - 0.1),
        ]
        parts += [
            Part(rounded([*edge[:3], (0, drop + 0.06), edge[3]], 0.16), "body", depth=0.4),
            Part(box(-0.08, drop - 0.1, 0.08, drop + 0.05, 0.03), metal, depth=0.5),
        ]
    elif style == "pocket":
        parts += [
            Part(box(-w * 0.6, 0.28, w * 0.6, 0.68, 0.08), strap, depth=0.4),
            Part(stroke([(-w * 0.5, 0.36), (w * 0.5, 0.36)], 0.03), metal, depth=0.3),
        ]
    else:
        parts += [
            Part([(x, h - (h - y) * 0.2) for x, y in body], strap, depth=0.3),
            seam([(-w + lean + 0.06, top + 0.08), (w - lean - 0.06, top + 0.08)]),
        ]
    ends = [Part(ellipse(x, top + 0.12, 0.055, 0.055), metal, depth=0.5) for x in (-grip, grip)]
    return [*parts, Part(loop, strap, depth=0.5), *ends]


def backpack(v: Variation) -> list[Part]:
    w, h, shoulder = v(0.5, 0.68), v(0.78, 0.92), v(0.2, 0.5)
    hem = w * v(0.95, 1.12)
    body = rounded([(-w, -h), (w, -h), (hem, h), (-hem, h)], shoulder)
    strap, metal = v.pick("trim", "leather", "deep"), v.pick("metal", "brass", "dark")
    pocket, drop = v(0.0, 0.2), v(-0.5, -0.1)
    parts = [
        Part(
            stroke(smooth([(-w * 0.6, -h * 0.7), (-w - 0.17, -0.1), (-w * 0.8, h * 0.8)], closed=False), 0.12),
            strap,
            depth=0.4,
        ),
        Part(
            stroke(smooth([(w * 0.6, -h * 0.7), (w + 0.17, -0.1), (w * 0.8, h * 0.8)], closed=False), 0.12),
            strap,
            depth=0.4,
        ),
        Part(stroke(ellipse(0, -h + 0.02, 0.17, 0.16, 180, 360), 0.06), strap, depth=0.5),
    ]
    if v.pick("side", "none") == "side":
        parts += [Part(box(x - 0.16, 0.25, x + 0.16, h - 0.08, 0.1), "deep", depth=0.4) for x in (-hem, hem)]
    parts.append(Part(body, "body", depth=0.55, warp=flat))
    if v.pick("flap", "zip") == "flap":
        flap = rounded(
            [(-w - 0.01, -h - 0.02), (w + 0.01, -h - 0.02), (w * 0.98, drop), (-w * 0.98, drop)], shoulder * 0.8
        )
        parts.append(Part(flap, "body", depth=0.4))
        for x in (-w * 0.45, w * 0.45):
            parts.append(Part(stroke([(x, drop - 0.3), (x, drop + 0.22)], 0.09), strap, depth=0.3))
            parts.append(Part(box(x - 0.07, drop, x + 0.07, drop + 0.12, 0.02), metal, depth=0.4))
    else:
        arc = smooth(
            [(-w * 0.86, 0), (-w * 0.8, -h * 0.62), (0, -h * 0.82), (w * 0.8, -h * 0.62), (w * 0.86, 0)],
            closed=False,
        )
        parts += [seam(arc, 0.03), Part(stroke([(w * 0.84, -0.04), (w * 0.84, 0.1)], 0.035), metal, depth=0)]
    p = w * v(0.68, 0.88)
    return [
        *parts,
        Part(box(-p, pocket, p, h - 0.12, 0.16), v.pick("body", "deep", "trim"), depth=0.5),
        Part(stroke([(-p * 0.8, pocket + 0.12), (p * 0.8, pocket + 0.12)], 0.03), metal, depth=0.2),
    ]


def watch(v: Variation) -> list[Part]:
    case, band, taper, reach = v(0.36, 0.48), v(0.2, 0.3), v(0.65, 1.0), v(0.84, 1.0)
    metal, dial = v.pick("metal", "brass", "dark"), v.pick("white", "cream", "dark", "body")
    ink = "white" if dial in ("dark", "body") else "dark"
    square = v.pick("round", "round", "square") == "square"

    def face(r: float) -> Path:
        return box(-r * 0.86, -r, r * 0.86, r, r * 0.4) if square else ellipse(0, 0, r, r)

    parts = [
        Part(
            rounded([(-band, -0.2), (-band * taper, -reach), (band * taper, -reach), (band, -0.2)], 0.08),
            "body",
            depth=0.4,
            warp=flat,
        ),
        Part(
            rounded([(-band, 0.2), (-band * taper, reach), (band * taper, reach), (band, 0.2)], 0.08),
            "body",
            depth=0.4,
            warp=flat,
        ),
        Part(box(-band * taper * 1.15, -reach - 0.03, band * taper * 1.15, -reach + 0.1, 0.04), metal, depth=0.5),
    ]
    parts += [Part(ellipse(0, reach - 0.12 - 0.11 * i, 0.022, 0.022), "dark", depth=0) for i in range(3)]
    parts += [
        Part(box(case * 0.9, -0.06, case + 0.09, 0.06, 0.03), metal, depth=0.4),
        Part(face(case), metal, depth=0.6),
        Part(face(case * 0.83), dial, depth=0.2),
    ]
    for i in range(12):
        angle, inner = i * math.pi / 6, case * (0.6 if i % 3 == 0 else 0.68)
        x, y = math.sin(angle), -math.cos(angle)
        parts.append(
            Part(stroke([(x * inner, y * inner), (x * case * 0.74, y * case * 0.74)], 0.024), ink, depth=0)
        )
    for angle, length, width in ((v(0, 6.2), 0.4, 0.035), (v(0, 6.2), 0.62, 0.025)):
        tip = (math.sin(angle) * case * length, -math.cos(angle) * case * length)
        parts.append(Part(stroke([(0, 0), tip], width, width * 0.7), ink, depth=0))
    shine: Path = [(-case * 0.5, -case * 0.2), (-case * 0.1, -case * 0.55)]
    return [*parts, Part(ellipse(0, 0, 0.03, 0.03), metal, depth=0), gloss(shine, case * 0.22, 0.3)]
