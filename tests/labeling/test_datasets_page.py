"""Datasets and exports; members and classes."""

import pytest
from django.urls import reverse

from labeling.models import DatasetVersion, Export, LabelClass
from sisyphus_web.accounts.models import Membership
from tests import factories as made

SHARES = {"val_share": "0.1", "test_share": "0.1", "seed": "0", "includes_weak": ""}


@pytest.fixture
def as_mia(client, mia):
    client.force_login(mia)
    return client


@pytest.fixture
def otter(corpus) -> LabelClass:
    return made.LabelClassFactory(corpus=corpus, name="otter")


def accept(corpus, otter, *, num: int) -> None:
    for _ in range(num):
        item = made.ItemFactory(media_file__corpus=corpus)
        verdict = made.VerdictFactory(item=item, label_class=otter)
        made.CurrentVerdictFactory(verdict=verdict)


def test_freezing_makes_a_version_with_its_counts_on_the_page(as_mia, corpus, otter):
    accept(corpus, otter, num=12)
    url = reverse("datasets", args=[corpus.pk])
    page = as_mia.post(url, {"name": "first", "label_classes": [otter.pk], **SHARES}, follow=True)
    assert DatasetVersion.objects.get(corpus=corpus).sha256[:12] in page.content.decode()
    assert "12</span> looked at" in page.content.decode()


def test_what_is_kept_on_one_side_is_chosen_on_the_page(as_mia, corpus, otter):
    accept(corpus, otter, num=3)
    url = reverse("datasets", args=[corpus.pk])
    assert "Folders, such as one of each camera and day" in as_mia.get(url).content.decode()
    as_mia.post(url, {"label_classes": [otter.pk], "group_by": "folder", **SHARES})
    as_mia.post(url, {"label_classes": [otter.pk], **SHARES})
    found = DatasetVersion.objects.filter(corpus=corpus).order_by("number").values_list("group_by", flat=True)
    assert list(found) == ["folder", "media"]


def test_freezing_nothing_says_what_to_do(as_mia, corpus, otter):
    answer = as_mia.post(reverse("datasets", args=[corpus.pk]), {"label_classes": [otter.pk], **SHARES})
    assert answer.status_code == 422
    assert "Nothing is accepted yet" in answer.content.decode()


def test_shares_must_leave_something_to_train_on(as_mia, corpus, otter):
    shares = SHARES | {"val_share": "0.5", "test_share": "0.5"}
    answer = as_mia.post(reverse("datasets", args=[corpus.pk]), {"label_classes": [otter.pk], **shares})
    assert "Nothing is left to train on" in answer.content.decode()


def test_an_export_is_started_and_followed(as_mia, corpus):
    version = made.DatasetVersionFactory(corpus=corpus)
    url = reverse("dataset-export", args=[corpus.pk, version.pk])
    answer = as_mia.post(url, {"format": "csv"}, headers={"HX-Request": "true"})
    assert Export.objects.get(dataset_version=version).format == "csv"
    assert 'hx-trigger="every 2s"' in answer.content.decode()


def test_an_unknown_format_is_refused_with_the_known_ones(as_mia, corpus):
    version = made.DatasetVersionFactory(corpus=corpus)
    url = reverse("dataset-export", args=[corpus.pk, version.pk])
    page = as_mia.post(url, {"format": "tfrecord"}, follow=True).content.decode()
    assert "image_folder" in page
    assert not Export.objects.exists()


def test_many_versions_cost_as_many_queries_as_few(as_mia, corpus, django_assert_max_num_queries):
    for version in made.DatasetVersionFactory.create_batch(4, corpus=corpus):
        made.ExportFactory(dataset_version=version, job=made.JobFactory(corpus=corpus))
    with django_assert_max_num_queries(13):
        as_mia.get(reverse("datasets", args=[corpus.pk]))


def test_a_manager_lets_somebody_in_and_changes_the_role(as_mia, corpus, stan):
    as_mia.post(reverse("member-add", args=[corpus.pk]), {"username": "stan", "role": "viewer"})
    membership = Membership.objects.get(corpus=corpus, user=stan)
    as_mia.post(reverse("member-change", args=[corpus.pk, membership.pk]), {"role": "annotator"})
    membership.refresh_from_db()
    assert membership.role == "annotator"


def test_somebody_without_an_account_cannot_be_let_in(as_mia, corpus):
    url = reverse("member-add", args=[corpus.pk])
    answer = as_mia.post(url, {"username": "nobody", "role": "viewer"})
    assert answer.status_code == 422
    assert "There is no such account" in answer.content.decode()


def test_nobody_changes_their_own_membership(as_mia, mia, corpus):
    membership = Membership.objects.get(corpus=corpus, user=mia)
    url = reverse("member-change", args=[corpus.pk, membership.pk])
    page = as_mia.post(url, {"action": "remove"}, follow=True).content.decode()
    assert "Ask another manager" in page
    assert Membership.objects.filter(pk=membership.pk).exists()


def test_a_class_is_made_renamed_retired_and_brought_back(as_mia, corpus):
    as_mia.post(reverse("class-add", args=[corpus.pk]), {"name": "heron", "description": ""})
    heron = LabelClass.objects.get(corpus=corpus)
    url = reverse("class-change", args=[corpus.pk, heron.pk])
    as_mia.post(url, {"action": "save", "name": "grey heron", "description": "standing"})
    as_mia.post(url, {"action": "retire"})
    heron.refresh_from_db()
    assert (heron.name, heron.retired_at is None) == ("grey heron", False)
    as_mia.post(url, {"action": "restore"})
    heron.refresh_from_db()
    assert heron.retired_at is None


def test_an_archived_corpus_is_nobodys_any_more(as_mia, corpus):
    as_mia.post(reverse("corpus-archive", args=[corpus.pk]))
    assert as_mia.get(reverse("corpus", args=[corpus.pk])).status_code == 404


def test_only_a_manager_exports_and_downloads(client, corpus, ann):
    version = made.DatasetVersionFactory(corpus=corpus)
    made.ExportFactory(dataset_version=version, job=made.JobFactory(corpus=corpus))
    client.force_login(ann)
    url = reverse("dataset-export", args=[corpus.pk, version.pk])
    assert client.post(url, {"format": "csv"}).status_code == 403
    assert Export.objects.count() == 1
    page = client.get(reverse("datasets", args=[corpus.pk])).content.decode()
    assert url not in page
    assert "/file/" not in page
