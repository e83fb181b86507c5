"""What one page holds is in front of nobody else."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_outbox import bikes, pictures  # noqa: F401 - fixtures
from tests.browser.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_a_second_annotator_begins_a_page_below_the_first_and_neither_sees_the_others(
    page_of,
    pictures,  # noqa: F811
    ann,
    mia,
    bikes,  # noqa: F811
):
    ranking = "document.querySelector('sfi-workbench').session.ranking"
    shown = f"{ranking}.tiles.map(each => [each.rank, each.item])"
    example = pictures.items.order_by("id").first()
    query = f"?class={bikes.pk}&term=i{example.pk}"
    first, second = (page_of(user, viewport={"width": 1024, "height": 500}) for user in (ann, mia))
    for page in (first, second):
        page.goto(f"/corpora/{pictures.pk}/workbench/{query}")
        expect(page.locator("#tile-0 img[src]")).to_be_visible()
        # what it wants ahead is there, too
        until(page, f"{ranking}.state === 'idle' && {ranking}.tiles.length >= {ranking}.page")
    mine, theirs = first.evaluate(shown), second.evaluate(shown)
    assert mine[0][0] == 0
    assert len(mine) < pictures.items.count()  # what is seen, and some ahead
    assert theirs[0][0] == len(mine)
    assert not {item for _, item in mine} & {item for _, item in theirs}
    # Scrolled as far as there is anything, what the other has is left out.
    to_the_end = "document.querySelector('.grid-scroll').scrollTop = 1e9"
    until(first, f"({to_the_end}, {ranking}.isComplete)")
    scrolled = first.evaluate(shown)
    assert not {item for _, item in scrolled} & {item for _, item in theirs}
