"""Home, a new corpus, the page of a corpus, a media file."""

import pytest
from django.urls import reverse

from indexing.models import IndexingSettings, MediaFile
from sisyphus_web.accounts.models import Corpus, Membership
from sisyphus_web.jobs.models import Job
from tests import factories as made

INDEXING = {
    "frame_policy": "interval",
    "interval_seconds": "2.5",
    "similarity_threshold": "",
    "encoder": "auto",
}


@pytest.fixture
def as_mia(client, mia):
    client.force_login(mia)
    return client


@pytest.fixture
def url(corpus) -> str:
    return reverse("corpus", args=[corpus.pk])


def fill(corpus) -> None:
    pack = made.ThumbnailPackFactory(corpus=corpus)
    for media in made.MediaFileFactory.create_batch(4, corpus=corpus):
        made.ItemFactory(media_file=media, thumbnail_pack=pack)
    made.MediaFileFactory(corpus=corpus, is_refused=True)


def test_somebody_without_a_corpus_is_told_how_to_begin(client, stan):
    client.force_login(stan)
    page = client.get("/").content.decode()
    assert "You are not a member of any corpus yet" in page
    assert reverse("corpus-new") in page


def test_home_shows_covers_and_counts_and_nobody_elses_corpora(as_mia, corpus):
    fill(corpus)
    made.CorpusFactory(name="Somebody else's")
    page = as_mia.get("/").content.decode()
    assert "Somebody else" not in page
    assert page.count("<img") == 4


def test_home_costs_the_same_for_many_corpora(as_mia, mia, corpus, django_assert_max_num_queries):
    for _ in range(3):
        made.MembershipFactory(user=mia, role="manager")
    with django_assert_max_num_queries(6):  # the corpora with everything on their cards are one
        as_mia.get("/")


def test_a_new_corpus_is_made_with_its_indexing_and_its_manager(as_mia, mia):
    answer = as_mia.post("/corpora/new/", {"name": "Otters", "description": "", **INDEXING})
    corpus = Corpus.objects.get(name="Otters")
    assert answer.url == reverse("corpus", args=[corpus.pk])
    assert Membership.objects.get(corpus=corpus, user=mia).role == "manager"
    chosen = IndexingSettings.objects.get(corpus=corpus)
    assert (chosen.frame_policy, chosen.interval_seconds, chosen.similarity_threshold) == (
        "interval",
        2.5,
        0.95,
    )


def test_a_name_in_use_is_refused_and_nothing_is_made(as_mia, corpus):
    answer = as_mia.post("/corpora/new/", {"name": corpus.name, "description": "", **INDEXING})
    assert answer.status_code == 422
    assert "There is a corpus of this name" in answer.content.decode()
    assert Corpus.objects.count() == 1


def test_the_page_says_that_the_encoder_is_the_built_in_one_and_how_to_get_another(as_mia, url):
    page = as_mia.get(url).content.decode()
    assert "The built-in descriptor." in page
    assert "How to get a learned one" in page


def test_a_refused_file_is_listed_with_its_reason(as_mia, corpus, url):
    refused = made.MediaFileFactory(corpus=corpus, is_refused=True)
    made.MediaFileFactory(corpus=corpus)
    page = as_mia.get(url, {"state": "refused"}).content.decode()
    assert refused.reason in page
    assert page.count('scope="row" class="media-name"') == 1


def test_htmx_gets_the_table_alone(as_mia, corpus, url):
    fill(corpus)
    answer = as_mia.get(url, {"q": "img_"}, headers={"HX-Request": "true"})
    assert answer.content.decode().lstrip().startswith('<div id="media"')
    assert "HX-Request" in answer.headers["Vary"]


def test_the_page_costs_the_same_for_many_files(as_mia, corpus, url, django_assert_max_num_queries):
    for _ in range(4):
        fill(corpus)
    with django_assert_max_num_queries(21):
        as_mia.get(url)


def test_the_activity_polls_only_while_a_job_moves(as_mia, corpus):
    url = reverse("corpus-activity", args=[corpus.pk])
    assert "every 2s" not in as_mia.get(url).content.decode()
    made.JobFactory(corpus=corpus, is_running=True)
    assert "every 2s" in as_mia.get(url).content.decode()


def test_a_viewer_sees_no_form_that_would_be_refused(client, vera, corpus, url):
    fill(corpus)
    client.force_login(vera)
    page = client.get(url).content.decode()
    assert "Add media" not in page
    assert "Rebuild" not in page


def test_settings_are_saved_and_an_unknown_encoder_is_not(as_mia, corpus):
    url = reverse("corpus-settings", args=[corpus.pk])
    as_mia.post(url, INDEXING)
    assert IndexingSettings.objects.get(corpus=corpus).interval_seconds == 2.5
    answer = as_mia.post(url, INDEXING | {"encoder": "no-such@1"}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert IndexingSettings.objects.get(corpus=corpus).encoder == "auto"


def test_the_folder_browser_never_leaves_the_allowed_roots(as_mia, corpus, settings, tmp_path):
    root = tmp_path / "media"
    (root / "may").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (root / "way-out").symlink_to(tmp_path / "secret")
    settings.MEDIA_ROOTS = [root]
    url = reverse("corpus-folders", args=[corpus.pk])
    assert "may" in as_mia.get(url, {"path": str(root)}).content.decode()
    assert "way-out" not in as_mia.get(url, {"path": str(root)}).content.decode()
    for path in (tmp_path, root / "..", root / "way-out", "/etc", "relative"):
        assert as_mia.get(url, {"path": str(path)}).status_code == 404


def test_ingesting_a_folder_starts_the_whole_chain(as_mia, corpus, settings, tmp_path):
    settings.MEDIA_ROOTS = [tmp_path]
    as_mia.post(reverse("corpus-ingest", args=[corpus.pk]), {"path": str(tmp_path)})
    kinds = list(Job.objects.filter(corpus=corpus).order_by("id").values_list("kind", flat=True))
    assert kinds == ["media_ingest", "features_extract", "stacks_build", "index_build"]


def test_a_folder_that_is_not_allowed_is_named(as_mia, corpus):
    answer = as_mia.post(reverse("corpus-ingest", args=[corpus.pk]), {"path": "/etc"}, follow=True)
    assert "/etc is not below a folder that may be ingested" in answer.content.decode()


def test_a_media_file_shows_its_frames_in_order_of_time(as_mia, corpus):
    media = made.MediaFileFactory(corpus=corpus, is_video=True)
    for second in (2, 0, 1):
        made.ItemFactory(media_file=media, start_pts=second * 12_800)
    page = as_mia.get(reverse("media-file-page", args=[corpus.pk, media.pk])).content.decode()
    assert page.index("0.00 s") < page.index("1.00 s") < page.index("2.00 s")


def test_a_deleted_media_file_is_gone_from_its_page(as_mia, corpus):
    media = made.MediaFileFactory(corpus=corpus)
    as_mia.post(reverse("media-file-delete", args=[corpus.pk, media.pk]))
    assert as_mia.get(reverse("media-file-page", args=[corpus.pk, media.pk])).status_code == 404
    assert MediaFile.objects.get(pk=media.pk).deleted_at is not None


def test_a_refused_folder_comes_back_to_be_corrected(as_mia, corpus, settings, tmp_path):
    settings.MEDIA_ROOTS = [tmp_path]
    answer = as_mia.post(reverse("corpus-ingest", args=[corpus.pk]), {"path": "/etc"}, follow=True)
    page = answer.content.decode()
    assert "/etc is not below a folder that may be ingested" in page
    assert 'value="/etc"' in page


def test_rebuilding_the_features_takes_the_encoder_the_page_asks_for(as_mia, corpus, settings, tmp_path):
    made.FeatureSetFactory(corpus=corpus, encoder="builtin@1", is_active=True)
    settings.MODEL_DIR = tmp_path
    (tmp_path / "mobilenet_v2-imagenet.pt").write_bytes(b"weights")
    as_mia.post(reverse("corpus-rebuild", args=[corpus.pk]), {"what": "features"})
    extract, stacks, index = Job.objects.filter(corpus=corpus).order_by("id")
    assert extract.params == {"encoder": "torchvision:mobilenet_v2@1", "activate": True}
    assert (stacks.kind, index.kind) == ("stacks_build", "index_build")


def test_the_bar_and_the_next_step_follow_the_jobs(as_mia, corpus):
    made.JobFactory(corpus=corpus, is_running=True)
    fill(corpus)
    part = as_mia.get(reverse("corpus-activity", args=[corpus.pk]), HTTP_HX_REQUEST="true").content.decode()
    assert 'id="bar-jobs" hx-swap-oob="true"><span class="badge" data-tone="info">1<' in part
    assert "Open the workbench" in part


def test_a_name_filter_may_hold_anything(as_mia, corpus, url):
    assert as_mia.get(url, {"q": "a\x00b"}).status_code == 200
