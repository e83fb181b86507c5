"""Queries by pictures that have no stored vector: an uploaded image, a box drawn on an item."""

import shutil
import uuid

import pytest
from PIL import Image

from indexing import search
from indexing.compute import encoders
from indexing.compute.images import read_image
from indexing.models import MediaFile
from tests.indexing.made import add_items, make_feature_set
from tests.indexing.test_search_service import found, like, service, shared  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def paths(shared_data):
    """Twelve photographs, three of each of four classes."""
    folders = [
        folder for folder in sorted((shared_data / "photos").iterdir()) if len(list(folder.glob("*.jpg"))) > 3
    ]
    return [path for folder in folders[:4] for path in sorted(folder.glob("*.jpg"))[:3]]


@pytest.fixture
def items(corpus, paths, settings):
    encoder = encoders.load("builtin@1", model_dir=settings.MODEL_DIR)
    vectors = encoder.encode([read_image(path).pixels for path in paths])
    made = add_items(make_feature_set(corpus, width=encoder.width, encoder=encoder.key), vectors)
    for item, path in zip(made, paths, strict=True):
        MediaFile.objects.filter(pk=item.media_file_id).update(path=str(path), name=path.name)
    return made


def image_term(settings, path, **more):
    image = uuid.uuid4()
    folder = settings.DATA_DIR / "query_images"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder / f"{image}.jpg")
    return [{"kind": "image", "image": str(image), **more}]


def test_an_uploaded_image_finds_its_like(corpus, items, paths, settings):
    for number in (0, 5, 11):
        got = search.rank(corpus, terms=image_term(settings, paths[number]), filters={}, k=3)
        assert found(got)[0] == items[number].pk
        assert got.neighbors[0].similarity > 0.99


def test_a_box_of_an_image_finds_the_picture_it_was_cut_from(corpus, items, paths, settings, tmp_path):
    """A collage of two photos; the box is drawn around one of them."""
    left, right = (Image.open(paths[number]).convert("RGB") for number in (2, 7))
    collage = Image.new("RGB", (left.width + right.width, max(left.height, right.height)))
    collage.paste(left, (0, 0))
    collage.paste(right, (left.width, 0))
    collage.save(tmp_path / "collage.jpg", quality=95)
    box = [left.width / collage.width, 0, 1, right.height / collage.height]
    got = search.rank(corpus, terms=image_term(settings, tmp_path / "collage.jpg", box=box), filters={}, k=3)
    assert found(got)[0] == items[7].pk


def test_the_box_around_a_whole_item_is_the_item(corpus, items):
    got = search.rank(corpus, terms=like(items[4], box=[0, 0, 1, 1]), filters={}, k=12)
    assert found(got)[0] == items[4].pk
    assert got.neighbors[0].similarity > 0.99
    part = search.rank(corpus, terms=like(items[4], box=[0.25, 0.25, 0.75, 0.75]), filters={}, k=12)
    assert part.neighbors[0].similarity < 0.99


def test_a_box_of_a_few_pixels_is_refused(corpus, items):
    with pytest.raises(search.SearchRefused, match="draw it larger"):
        search.rank(corpus, terms=like(items[4], box=[0.5, 0.5, 0.501, 0.501]), filters={}, k=3)


def test_an_item_whose_media_file_is_gone_is_refused_by_name(corpus, items):
    MediaFile.objects.filter(pk=items[4].media_file_id).update(path="/nowhere.jpg", name="van.jpg")
    with pytest.raises(search.SearchRefused, match=r"van\.jpg"):
        search.rank(corpus, terms=like(items[4], box=[0, 0, 0.9, 0.9]), filters={}, k=3)
