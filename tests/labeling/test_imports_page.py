"""Imports and the card on the page of datasets; what changed between two versions."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from indexing.models import Item
from labeling.models import CurrentVerdict, LabelImport
from labeling.services.datasets import create_version
from labeling.tasks.imports import import_labels
from tests.labeling.conftest import items_of, operation, photo
from tests.labeling.test_verdicts import record


@pytest.fixture
def as_mia(client, mia):
    client.force_login(mia)
    return client


@pytest.fixture
def seen(corpus) -> Item:
    return Item.objects.create(corpus=corpus, media_file=photo(corpus, "a.jpg"))


def labels(*lines: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("labels.csv", "\n".join(["file_name,label", *lines, ""]).encode())


def test_a_file_is_looked_through_taken_and_taken_back_on_the_page(as_mia, corpus, seen):
    url = reverse("label-imports", args=[corpus.pk])
    page = as_mia.post(url, {"file": labels("a.jpg,swan", "b.jpg,swan"), "boxes": "regions"}, follow=True)
    assert "Looking through labels.csv" in page.content.decode()
    made = LabelImport.objects.get()
    import_labels(made.job_id)
    page = as_mia.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "there is no such media file here" in page
    assert "New classes: swan" in page
    assert "Take 1" in page
    assert "every 2s" not in page
    as_mia.post(reverse("label-import-take", args=[corpus.pk, made.pk]))
    page = as_mia.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "every 2s" in page
    made.refresh_from_db()
    import_labels(made.job_id)
    assert CurrentVerdict.objects.get().answer == "accept"
    assert "Take back" in as_mia.get(reverse("datasets", args=[corpus.pk])).content.decode()
    as_mia.post(reverse("label-import-undo", args=[corpus.pk, made.pk]))
    made.refresh_from_db()
    import_labels(made.job_id)
    assert CurrentVerdict.objects.get().answer == ""


def test_neither_a_file_nor_a_path_is_refused_with_a_sentence(as_mia, corpus):
    answer = as_mia.post(reverse("label-imports", args=[corpus.pk]), {"boxes": "regions"})
    assert answer.status_code == 422
    assert "Choose a file, or name a path" in answer.content.decode()


def test_a_path_outside_the_media_roots_is_refused(as_mia, corpus):
    fields = {"path": "/etc/passwd", "boxes": "regions"}
    answer = as_mia.post(reverse("label-imports", args=[corpus.pk]), fields)
    assert answer.status_code == 422
    assert "is not below a folder" in answer.content.decode()


def test_the_card_says_where_answers_came_from_and_that_nothing_leaks(as_mia, corpus, mia, seen):
    url = reverse("label-imports", args=[corpus.pk])
    as_mia.post(url, {"file": labels("a.jpg,swan"), "boxes": "regions"})
    made = LabelImport.objects.get()
    import_labels(made.job_id)
    as_mia.post(reverse("label-import-take", args=[corpus.pk, made.pk]))
    made.refresh_from_db()
    import_labels(made.job_id)
    create_version(corpus=corpus, label_classes=list(corpus.label_classes.all()), by=mia)
    page = as_mia.get(reverse("datasets", args=[corpus.pk])).content.decode()
    assert 'class="number">1</span> imported' in page
    assert "No leak" in page
    assert "no query example is in test" in page


def test_two_versions_are_compared_on_a_page(as_mia, corpus, ann, mia, cat):
    items = items_of(corpus, 6)
    record(corpus, ann, *(operation(item, cat) for item in items))
    first = create_version(corpus=corpus, label_classes=[cat], by=mia)
    alone = as_mia.get(reverse("dataset-diff", args=[corpus.pk, first.pk])).content.decode()
    assert "only version" in alone
    record(corpus, ann, operation(items[0], cat, "reject", base_version=1))
    second = create_version(corpus=corpus, label_classes=[cat], by=mia)
    url = reverse("dataset-diff", args=[corpus.pk, second.pk])
    assert url in as_mia.get(reverse("datasets", args=[corpus.pk])).content.decode()
    page = as_mia.get(url).content.decode()
    assert "answered otherwise" in page
    assert items[0].media_file.name in page
    assert f"class={cat.pk}&amp;q=state%3A" in page
    assert f"item%3A%23{items[0].pk}" in page  # it opens in the workbench, whatever was answered
    assert as_mia.get(f"{url}?older={second.pk}").status_code == 404
    assert as_mia.get(f"{url}?older={first.pk}").status_code == 200
