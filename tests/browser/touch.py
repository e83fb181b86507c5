"""A finger on the grid."""

import contextlib

from playwright.sync_api import Locator, Page, expect

TRIES = 20


def tap_twice(page: Page, tile: Locator, opened: Locator) -> None:
    """Until it has opened: on a busy machine a finger lifts so late that it held, or comes back late."""
    place = tile.bounding_box()
    assert place is not None
    at = (place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    for _ in range(TRIES):
        page.touchscreen.tap(*at)
        page.touchscreen.tap(*at)
        with contextlib.suppress(AssertionError):
            expect(opened).to_be_visible(timeout=3_000)
            return
        page.keyboard.press("Escape")
    expect(opened).to_be_visible()
