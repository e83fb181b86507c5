"""Images to search with: decoded in the limited child, stored re-encoded."""

import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from labeling.models import QueryImage
from labeling.services import query_images
from tests import factories as made


@pytest.fixture
def api(corpus):
    return f"/api/v1/corpora/{corpus.pk}/query-images/"


@pytest.fixture
def client(ann):
    made = APIClient()
    made.force_authenticate(ann)
    return made


def a_photo(width=2000, height=1000, *, kind="JPEG", orientation=6) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height), (200, 30, 30)).save(out, kind, exif=exif)
    return out.getvalue()


def test_raw_bytes_become_a_small_upright_jpeg_without_metadata(client, api, data_dir):
    made = client.post(api, a_photo(), content_type="image/jpeg")
    assert made.status_code == 201
    assert (made.json()["width_px"], made.json()["height_px"]) == (512, 1024)
    got = client.get(f"{api}{made.json()['id']}/")
    picture = Image.open(io.BytesIO(b"".join(got.streaming_content)))
    assert (got["Content-Type"], picture.size) == ("image/jpeg", (512, 1024))
    assert not picture.getexif()
    assert [path.name for path in (data_dir / "query_images").iterdir()] == [f"{made.json()['id']}.jpg"]


def test_a_form_with_a_file_is_taken_too(client, api):
    file = SimpleUploadedFile("../../a\u202e cat.png", a_photo(20, 10, kind="PNG", orientation=1))
    made = client.post(api, {"file": file}, format="multipart").json()
    assert (made["width_px"], made["height_px"]) == (20, 10)
    assert "/" not in made["name"]
    assert "\u202e" not in made["name"]


@pytest.mark.parametrize("data", [b"<svg/>", b"\x00" * 100, b"\xff\xd8\xff\xe0 not a jpeg"])
def test_what_is_no_image_is_refused_with_a_sentence(client, api, data, data_dir):
    refused = client.post(api, data, content_type="image/jpeg")
    assert refused.status_code == 400
    assert refused.json()["code"] not in ("", "invalid")
    assert len(refused.json()["detail"]) > 20
    assert list((data_dir / "query_images").iterdir()) == []


def test_nothing_and_too_much_are_refused(client, api):
    assert client.post(api, b"", content_type="image/jpeg").json()["code"] == "empty"
    large = client.post(api, b"\x00" * (20 * 2**20 + 1), content_type="image/jpeg")
    assert (large.status_code, large.json()["code"]) == (413, "too-large")


def test_an_image_of_another_corpus_is_not_found(client, api, corpus, mia, ann, stan):
    from sisyphus_web.accounts.models import Corpus, Membership

    made = client.post(api, a_photo(20, 10), content_type="image/jpeg").json()
    elsewhere = Corpus.objects.create(name="elsewhere", created_by=mia)
    Membership.objects.create(corpus=elsewhere, user=ann, role="annotator")
    assert client.get(f"/api/v1/corpora/{elsewhere.pk}/query-images/{made['id']}/").status_code == 404


def test_images_nobody_has_searched_with_for_a_month_are_removed(corpus, data_dir):
    used, unused, fresh = (made.QueryImageFactory(corpus=corpus) for _ in range(3))
    QueryImage.objects.exclude(pk=fresh.pk).update(created_at=timezone.now() - timedelta(days=31))
    made.QueryRoundFactory(corpus=corpus, label_class=None, terms=[{"kind": "image", "image": str(used.pk)}])
    (data_dir / "query_images").mkdir()
    for image in (used, unused, fresh):
        query_images.path_of(image).write_bytes(b"jpeg")
    assert query_images.remove_old() == 1
    assert set(QueryImage.objects.all()) == {used, fresh}
    assert not query_images.path_of(unused).exists()
    assert query_images.path_of(used).exists()
