"""A real Chromium against Django's live server; without Chromium these tests say so and skip."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page

from tests.conftest import PATIENCE_MS


@pytest.fixture
def context_of(chromium, live_server) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts: of a user who is signed in, or of nobody."""
    made = []

    def make(user=None, **options) -> BrowserContext:
        context = chromium.new_context(base_url=live_server.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        made.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def page_of(context_of) -> Callable[..., Page]:
    """Opens a page as `user`; a script error or a refusal by the CSP fails the test."""

    def open_page(user=None, **options) -> Page:
        page = context_of(user, **options).new_page()
        page.on("pageerror", lambda error: pytest.fail(f"the page threw: {error}"))
        page.on(
            "console",
            lambda message: (
                pytest.fail(f"refused by the CSP: {message.text}")
                if "Content Security Policy" in message.text
                else None
            ),
        )
        return page

    return open_page
