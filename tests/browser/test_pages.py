"""The pages as a person meets them: by keyboard, while jobs move, with a drop of files."""

import pytest
from django.conf import settings as django_settings
from django.urls import reverse
from playwright.sync_api import expect

from indexing.models import Upload
from sisyphus_web.jobs.models import Job
from tests import factories as made
from tests.browser import site

# The apps are named so that the flush cascades: knox leaves an unused table that points at the users.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS),
]


def test_sign_in_and_the_theme_that_stays(page_of, mia, corpus):
    page = page_of()
    page.goto("/")
    page.get_by_label("Username").fill("mia")
    page.get_by_label("Password").fill("a long word for mia")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=corpus.name).wait_for()
    assert page.locator("html").get_attribute("data-theme") is None
    page.get_by_role("button", name="Light or dark theme").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_progress_moves_by_itself_and_stops_asking_when_all_is_done(page_of, mia, corpus):
    job = made.JobFactory(corpus=corpus, is_running=True)
    page = page_of(mia)
    page.goto(reverse("corpus", args=[corpus.pk]))
    expect(page.locator("progress[value='38']")).to_have_count(1)
    Job.objects.filter(pk=job.pk).update(units_done=400)
    page.locator("progress[value='95']").wait_for()
    Job.objects.filter(pk=job.pk).update(
        status="done", units_done=418, finished_at=job.created_at, lease_until=None
    )
    page.locator(f"#job-{job.pk}[data-status='done']").wait_for()
    expect(page.locator("#activity-poll-fast")).to_have_count(0)


def test_the_log_opens_by_keyboard_and_gives_the_focus_back(page_of, mia, corpus):
    job = made.JobFactory(corpus=corpus)
    made.JobEventFactory(job=job, text="Read 418 files.")
    page = page_of(mia)
    page.goto(reverse("corpus-jobs-page", args=[corpus.pk]))
    page.locator(f"#job-{job.pk}-log").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Read 418 files.").wait_for()
    page.keyboard.press("Escape")
    expect(page.locator(f"#job-{job.pk}-log")).to_be_focused()


def test_retry_swaps_the_job_and_says_so(page_of, mia, corpus):
    job = made.JobFactory(corpus=corpus, is_failed=True)
    page = page_of(mia)
    page.goto(reverse("corpus-jobs-page", args=[corpus.pk]))
    page.get_by_role("button", name="Retry").click()
    page.get_by_text(f"Job {job.pk} is queued again.").wait_for()
    page.locator(f"#job-{job.pk}[data-status='queued']").wait_for()


def test_the_media_table_is_filtered_as_one_types(page_of, mia, corpus):
    made.MediaFileFactory(corpus=corpus, name="heron.jpg")
    made.MediaFileFactory(corpus=corpus, name="otter.jpg")
    page = page_of(mia)
    page.goto(reverse("corpus", args=[corpus.pk]))
    page.get_by_label("Name").fill("otter")
    page.get_by_role("link", name="heron.jpg").wait_for(state="detached")
    expect(page.get_by_role("link", name="otter.jpg")).to_have_count(1)


def test_chosen_files_arrive_and_their_ingest_starts(page_of, mia, corpus):
    page = page_of(mia)
    page.goto(reverse("corpus", args=[corpus.pk]))
    files = [
        {"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": name.encode() * 1000}
        for name in ("heron", "otter")
    ]
    page.locator("[data-upload-files]").set_input_files(files)
    page.get_by_text("the ingest has started").wait_for()
    assert Upload.objects.filter(corpus=corpus, received_bytes=5000).count() == 2
    assert Job.objects.filter(corpus=corpus, kind="media_ingest").count() == 1


@pytest.mark.parametrize("width", [1024, 1440])
def test_no_page_is_wider_than_the_window(page_of, mia, olga, width):
    corpus = site.fill(mia, olga)
    of_corpus = ("corpus", "datasets", "members", "corpus-jobs-page")
    pages = {mia: [reverse(name, args=[corpus.pk]) for name in of_corpus], olga: ["/jobs/", "/users/"]}
    pages[mia] += ["/", "/corpora/new/", "/account/", "/account/tokens/", "/help/"]
    for user, urls in pages.items():
        page = page_of(user, viewport={"width": width, "height": 900})
        for url in urls:
            page.goto(url)
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, f"{url} is {over} px wider than {width}"
