"""Where files lie on the server is told to managers and operators; viewers and annotators get names."""

import pytest
from django.test import Client

from sisyphus_web.accounts.models import Membership, Role
from sisyphus_web.jobs.models import Job
from sisyphus_web.server_paths import without_paths
from tests import factories as made

pytestmark = pytest.mark.django_db
FOLDER = "/srv/media/river"


@pytest.fixture
def site(corpus, ann, olga):
    """A source, a file seen there, a failed job of ann's whose sentence and log name the place."""
    Membership.objects.create(corpus=corpus, user=olga, role=Role.VIEWER)
    source = made.SourceFactory(corpus=corpus, path=FOLDER)
    media = made.MediaFileFactory(corpus=corpus)
    made.MediaPathFactory(media_file=media, source=source, relative_path="may/otter.mp4")
    sentence = f"{FOLDER}/may/otter.mp4 cannot be read: no such file."
    job = made.JobFactory(corpus=corpus, is_failed=True, error_text=sentence, created_by=ann)
    made.JobEventFactory(job=job, text=sentence)
    Job.objects.filter(pk=job.pk).update(result={"skipped": [f"{FOLDER}/x.jpg"]})
    api = f"/api/v1/corpora/{corpus.pk}"
    pages = f"/corpora/{corpus.pk}"
    return {
        "sources": f"{api}/sources/",
        "jobs": f"{api}/jobs/",
        "job": f"{api}/jobs/{job.pk}/",
        "log": f"{api}/jobs/{job.pk}/log/",
        "media page": f"{pages}/media/{media.pk}/",
        "jobs page": f"{pages}/jobs/",
        "log page": f"{pages}/jobs/{job.pk}/log/",
    }


def told(user, site) -> set[str]:
    client = Client()
    client.force_login(user)
    found = {name: client.get(address) for name, address in site.items()}
    assert {name for name, answer in found.items() if answer.status_code == 404} == set()
    return {name for name, answer in found.items() if "/srv/media" in answer.content.decode()}


def test_viewers_and_annotators_get_names(site, vera, ann):
    assert told(vera, site) == set()
    assert told(ann, site) == set()


def test_managers_and_operators_get_paths(site, mia, olga):
    assert told(mia, site) == set(site)
    assert told(olga, site) >= {"sources", "jobs", "job", "media page", "jobs page"}


def test_the_name_is_still_there(site, vera):
    client = Client()
    client.force_login(vera)
    assert client.get(site["sources"]).json()[0]["path"] == "river"
    assert client.get(site["job"]).json()["error_text"] == "otter.mp4 cannot be read: no such file."
    assert "river/may/otter.mp4" in client.get(site["media page"]).content.decode()


def test_what_is_below_a_known_root_is_named_from_there_on(settings):
    settings.MEDIA_ROOTS = ["/srv/my media"]
    text = "/srv/my media/day 1/a b.mp4 and /var/lib/x.bin; 3/4 of https://example.org/a/b, 2026-11-21/x"
    expected = "day 1/a b.mp4 and x.bin; 3/4 of https://example.org/a/b, 2026-11-21/x"
    assert without_paths(text) == expected
    assert without_paths(f"{settings.DATA_DIR}/features/1.npy") == "features/1.npy"
