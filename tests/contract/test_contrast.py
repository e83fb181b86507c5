"""Every color of either theme is read, or seen, on what it may lie on: WCAG 2 AA over css/variables.css."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "static" / "src" / "css" / "variables.css"
SURFACES = ("bg", "surface", "raised", "inset", "hover")
WORDS = ("text", "text-muted", "text-faint", "link", "accept", "reject", "unsure", "weak", "info")
TEXT, SIGN = 4.5, 3.0  # success criteria 1.4.3, and 1.4.11 for edges of fields and the ring of the focus
READ = [
    *((word, surface) for word in WORDS for surface in SURFACES),
    *((state, f"{state}-soft") for state in ("accept", "reject", "unsure", "weak", "info")),
    *(("bg", state) for state in ("accept", "reject", "unsure")),
    *(("accent-text", ground) for ground in ("accent", "accent-hover", "danger")),
    ("text", "accent-soft"),
]
SEEN = [(sign, surface) for sign in ("focus", "control") for surface in SURFACES]


def theme_of(name: str) -> dict[str, str]:
    """The colors of a theme; the light one stands on the dark one."""
    dark, light = CSS.read_text().split(':root[data-theme="light"]')
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", dark))
    return found if name == "dark" else found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", light))


def luminance(color: str) -> float:
    """Relative luminance by WCAG 2, 0 to 1, of '#rgb' or '#rrggbb'."""
    digits = color[1:] if len(color) == 7 else "".join(digit * 2 for digit in color[1:])
    shares = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_words_are_read_and_signs_are_seen_on_every_surface(theme):
    colors = theme_of(theme)
    measured = {
        (color, ground, least): contrast(colors[color], colors[ground])
        for pairs, least in ((READ, TEXT), (SEEN, SIGN))
        for color, ground in pairs
    }
    too_low = [
        f"--{color} on --{ground}: {found:.2f} < {least}"
        for (color, ground, least), found in measured.items()
        if found < least
    ]
    assert not too_low


def test_the_measure_knows_black_white_and_the_gray_that_just_fails():
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.478, abs=0.001)
