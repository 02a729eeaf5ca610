"""Pictures of the demo user: painted when they are needed, the same ones every time."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

Color = tuple[int, int, int]

_WIDTH, _HEIGHT = 1200, 800

# Of each picture: the colours of the sky above and below, of the sun, and of the hills, from afar to near.
_SCENES: dict[str, tuple[Color, Color, Color, tuple[Color, ...]]] = {
    "river": ((148, 178, 196), (244, 226, 204), (255, 246, 224), ((168, 186, 190), (120, 150, 158), (70, 104, 112))),
    "lake": ((72, 84, 140), (246, 160, 104), (255, 224, 150), ((112, 92, 132), (74, 66, 110), (34, 44, 82))),
    "dawn": ((132, 160, 200), (250, 206, 180), (255, 236, 205), ((176, 164, 180), (128, 128, 152), (64, 84, 96))),
    "blossom": ((176, 208, 236), (236, 240, 244), (255, 255, 255), ((196, 210, 180), (150, 178, 132), (112, 146, 98))),
    "snow": ((188, 198, 212), (232, 236, 242), (250, 250, 250), ((214, 222, 232), (190, 202, 216), (226, 232, 240))),
    "morning": ((250, 214, 165), (253, 240, 216), (255, 250, 235), ((222, 184, 150), (188, 144, 118), (140, 104, 92))),
    "dusk": ((44, 42, 84), (206, 112, 128), (250, 190, 150), ((96, 70, 110), (62, 48, 86), (30, 26, 54))),
    "forest": ((150, 176, 170), (214, 224, 214), (240, 244, 232), ((122, 152, 136), (82, 116, 98), (46, 76, 64))),
    "sea": ((110, 172, 208), (214, 236, 240), (255, 250, 220), ((96, 158, 182), (62, 124, 156), (228, 208, 170))),
    "bread": ((96, 72, 56), (150, 112, 80), (196, 140, 84), ()),
}


def paint(name: str, path: Path) -> None:
    """Write the picture of this name as a JPEG."""
    from PIL import Image, ImageDraw, ImageFilter

    above, below, sun, hills = _SCENES[name]
    picture = Image.new("RGB", (_WIDTH, _HEIGHT))
    draw = ImageDraw.Draw(picture)
    for y in range(_HEIGHT):
        draw.line((0, y, _WIDTH, y), fill=_between(above, below, y / _HEIGHT))
    dice = random.Random(name)
    if name == "bread":
        _loaf(draw, sun)
    else:
        draw.ellipse((760, 190, 900, 330), fill=sun)
    for number, color in enumerate(hills):
        _hill(draw, color, 430 + 110 * number, dice)
    if name == "blossom":
        _tree(draw, dice)
    picture.filter(ImageFilter.GaussianBlur(0.8)).save(path, "JPEG", quality=82)


def _between(first: Color, second: Color, part: float) -> Color:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _hill(draw: ImageDraw, color: Color, top: int, dice: random.Random) -> None:
    """Draw a line of hills down to the lower edge."""
    waves = [(dice.uniform(20, 60) / n, dice.uniform(0.8, 1.6) * n, dice.uniform(0, 6)) for n in (1, 2, 4)]
    line = [
        (x, top + sum(height * math.sin(x / _WIDTH * math.tau * often + shift) for height, often, shift in waves))
        for x in range(0, _WIDTH + 10, 10)
    ]
    draw.polygon([(0, _HEIGHT), *line, (_WIDTH, _HEIGHT)], fill=color)


def _tree(draw: ImageDraw, dice: random.Random) -> None:
    draw.polygon([(300, 800), (350, 800), (336, 360), (318, 360)], fill=(92, 66, 56))
    for _ in range(900):
        angle, far = dice.uniform(0, math.tau), dice.uniform(0, 1) ** 0.6
        x, y, size = 327 + 270 * far * math.cos(angle), 330 + 200 * far * math.sin(angle), dice.uniform(6, 16)
        pink = (255 - dice.randrange(20), 190 + dice.randrange(50), 205 + dice.randrange(40))
        draw.ellipse((x - size, y - size, x + size, y + size), fill=pink)


def _loaf(draw: ImageDraw, crust: Color) -> None:
    draw.rectangle((0, 560, _WIDTH, _HEIGHT), fill=(120, 86, 62))
    draw.ellipse((260, 500, 960, 660), fill=(84, 58, 44))
    draw.ellipse((300, 250, 920, 620), fill=crust)
    draw.ellipse((330, 270, 890, 560), fill=_between(crust, (255, 226, 170), 0.3))
    for number in range(4):
        left = 410 + 100 * number
        draw.arc((left, 290, left + 160, 560), 150, 250, fill=(250, 232, 200), width=14)
