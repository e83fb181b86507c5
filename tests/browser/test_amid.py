"""What changes under somebody's hands: their role, and the class they answer."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from labeling.models import CurrentVerdict, LabelClass
from labeling.services.verdicts import record_verdicts
from sisyphus_web.accounts.models import Membership, Role
from tests import factories as made
from tests.browser.waiting import eventually
from tests.labeling.conftest import items_of, operation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_a_lost_role_refuses_is_told_once_shown_undone_and_sent_again(page_of, corpus, ann, mia):
    otter = LabelClass.objects.create(corpus=corpus, name="otter", created_by=mia)
    said = [operation(item, otter) for item in items_of(corpus, 6)]
    record_verdicts(corpus=corpus, annotator=mia, operations=said)
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{corpus.pk}/review/?class={otter.pk}")
    expect(page.locator('.tile[data-answer="accept"]')).to_have_count(6)

    mine = Membership.objects.filter(corpus=corpus, user=ann)
    mine.update(role=Role.VIEWER)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("x")
    problem = page.locator(".problem")
    expect(problem).to_have_count(1)
    expect(problem).to_contain_text("2 answers were refused: Your role here does not allow it any more")
    expect(page.locator(".status-unsaved")).to_have_text("2 not recorded")
    expect(page.locator('.tile[data-answer="accept"]')).to_have_count(6)  # as it is
    expect(page.locator(".batch")).to_have_count(0)  # nothing that could be taken back

    mine.update(role=Role.ANNOTATOR)
    problem.get_by_role("button", name="Send again").click()
    expect(problem).to_have_count(0)
    expect(page.locator('.tile[data-answer="reject"]')).to_have_count(2)
    expect(page.locator(".status-unsaved")).to_have_text("all saved")
    eventually(lambda: CurrentVerdict.objects.filter(label_class=otter, answer="reject").count() == 2)

    mine.update(role=Role.VIEWER)
    page.locator(".batch").get_by_role("button", name="Undo").click()
    expect(problem).to_contain_text("an undo was refused: Your role here does not allow it any more")
    expect(page.locator('.tile[data-answer="reject"]')).to_have_count(2)  # it stands
    expect(page.locator(".batch").get_by_role("button", name="Undo")).to_have_count(1)
    mine.update(role=Role.ANNOTATOR)
    problem.get_by_role("button", name="Send again").click()
    expect(problem).to_have_count(0)
    expect(page.locator('.tile[data-answer="accept"]')).to_have_count(6)
    eventually(lambda: CurrentVerdict.objects.filter(label_class=otter, answer="accept").count() == 6)

    heron = LabelClass.objects.create(corpus=corpus, name="heron", created_by=mia)
    otter.retired_at = timezone.now()
    otter.save()
    page.reload()  # a retired class takes no answers: it is not offered
    expect(page.get_by_label("Class").locator("option:checked")).to_contain_text(heron.name)
    expect(page.get_by_label("Class").locator("option")).to_have_count(1)


def test_the_precision_of_a_weak_batch_is_said_as_it_is_measured(page_of, corpus, ann, mia):
    otter = LabelClass.objects.create(corpus=corpus, name="otter", created_by=mia)
    asked = made.QueryRoundFactory(corpus=corpus, label_class=otter, created_by=mia)
    batch = made.WeakBatchFactory(
        corpus=corpus, label_class=otter, query_round=asked, first_n=4, created_by=mia
    )
    for item in items_of(corpus, 4):
        made.WeakLabelFactory(batch=batch, item=item, label_class=otter)
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{corpus.pk}/review/?class={otter.pk}&tab=weak")
    purity = page.locator(".batch-purity")
    expect(purity).to_have_text("precision not measured")
    expect(page.locator("#tile-3 .tile-mark")).to_contain_text("weak")  # what the keys are about is here
    page.get_by_role("button", name="Audit", exact=True).click()
    expect(purity).to_have_text("precision: 0 of 4 looked at")
    expect(page.locator(".grid-scroll")).to_be_focused()  # the button has gone
    for key in "aaa":
        page.keyboard.press(key)
    expect(purity).to_have_text("precision: 3 of 4 looked at")
    page.keyboard.press("x")
    expect(purity).to_have_text("precision 0.75 (0.19 to 1.00, 4 stacks)")
    page.keyboard.press("z")
    expect(purity).to_have_text("precision: 3 of 4 looked at")


def test_every_field_of_the_page_of_members_has_its_own_name(page_of, corpus, mia):
    page = page_of(mia)
    page.goto(f"/corpora/{corpus.pk}/members/")
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
    assert len(ids) == len(set(ids))
    expect(page.locator("#corpus_name")).to_have_accessible_name("Name")
