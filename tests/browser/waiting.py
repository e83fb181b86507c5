"""Waiting for what a page comes to, and never for ever."""

import re
import time
from collections.abc import Callable

from playwright.sync_api import Page, Route

from tests.conftest import PATIENCE_MS


def until(page: Page, what: str) -> None:
    """Waits for an expression of JavaScript to hold, which may await; the CSP forbids wait_for_function."""
    page.evaluate(
        f"""async () => {{
          const end = performance.now() + {PATIENCE_MS};
          while (!({what})) {{
            if (performance.now() > end) throw new Error("it has not come to hold");
            await new Promise((done) => setTimeout(done, 20));
          }}
        }}"""
    )


def eventually(true: Callable[[], object]) -> None:
    """Waits for something on the server, which hears of a page a moment later."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not true():
        assert time.monotonic() < end, "it has not come to be"
        time.sleep(0.05)


def intercepted(page: Page) -> None:
    """Waits for the routes of an open page to be in effect.

    Its renderer is told of the new way to the network beside its input: a key pressed later may come first.
    """
    page.route("**/is-intercepted", lambda route: route.fulfill(status=204))
    until(page, "(await fetch('/is-intercepted')).status === 204")


class Held:
    """Requests of a page that wait until `let_go`; those that come after it wait no more."""

    def __init__(self, page: Page, pattern: str) -> None:
        self._waiting: list[Route] | None = []
        page.route(re.compile(pattern), self._hold)
        if page.url != "about:blank":
            intercepted(page)

    def _hold(self, route: Route) -> None:
        if self._waiting is None:
            route.continue_()
        else:
            self._waiting.append(route)

    def let_go(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        for route in waiting:
            route.continue_()
