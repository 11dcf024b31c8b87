"""The colours of static/css/site.css against WCAG 2.2 AA, in both schemes."""

import re

import pytest
from django.conf import settings

TEXT_RATIO = 4.5
GRAPHIC_RATIO = 3

CSS = (settings.BASE_DIR / "static/css/site.css").read_text()
WASH = (settings.BASE_DIR / "static/img/wash.svg").read_text()
BANNERS = ["ink", "indigo", "teal", "cinnabar", "plum"]


def read_colours(css):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", css))


LIGHT_CSS, _, rest = CSS.partition("@media (prefers-color-scheme: dark)")
LIGHT = read_colours(LIGHT_CSS)
DARK = LIGHT | read_colours(rest.partition("/* Base")[0])


def channels(colour):
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]


def luminance(rgb):
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in rgb
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    darker, lighter = sorted([luminance(first), luminance(second)])
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("foreground", "background", "ratio"),
    [
        ("ink", "paper", TEXT_RATIO),
        ("ink", "paper-deep", TEXT_RATIO),
        ("ink", "selection", TEXT_RATIO),
        ("ink-soft", "paper", TEXT_RATIO),
        ("ink-soft", "paper-deep", TEXT_RATIO),
        ("seal", "paper", TEXT_RATIO),
        ("seal", "paper-deep", TEXT_RATIO),
        ("on-seal", "seal", TEXT_RATIO),
        ("field", "paper", GRAPHIC_RATIO),
        ("focus", "paper", GRAPHIC_RATIO),
        ("focus", "paper-deep", GRAPHIC_RATIO),
    ],
)
def test_colours_of_a_scheme_are_legible(scheme, foreground, background, ratio):
    found = contrast(channels(scheme[foreground]), channels(scheme[background]))

    assert found >= ratio


@pytest.mark.parametrize("banner", BANNERS)
def test_banner_text_is_legible_even_on_the_moon(banner):
    white = channels(LIGHT["on-banner"])
    moon = float(re.search(r'fill="#fff" fill-opacity="([\d.]+)"', WASH)[1])
    background = [
        value + (1 - value) * moon for value in channels(LIGHT[f"banner-{banner}"])
    ]

    assert contrast(white, background) >= TEXT_RATIO


def test_dark_scheme_replaces_the_paper():
    assert LIGHT["paper"] != DARK["paper"]


def test_black_on_white_has_the_ratio_of_the_standard():
    assert contrast(channels("#000"), channels("#fff")) == pytest.approx(21)
