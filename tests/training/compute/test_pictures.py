"""One preprocessing for all: what it cuts, how it is varied and mixed, and that nothing else happens."""

import importlib

import numpy as np
import pytest
import torch

from indexing.compute import torchvision_shim  # noqa: F401 - first: it lets torchvision be imported
from indexing.compute.decoder import Decoder
from indexing.compute.media_facts import MediaRefused
from training.compute.augmentation import augmented, mixup
from training.compute.losses import class_weights, loss_of
from training.compute.pictures import PictureReader, Preprocessing

v2 = importlib.import_module("torchvision.transforms.v2")


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (97, 331), (64, 64), (20, 500)])
def test_pictures_are_resized_and_cut_as_torchvision_does(size):
    from PIL import Image

    pixels = noise(*size)
    transform = v2.Compose([v2.Resize(73, antialias=True), v2.CenterCrop(64)])
    expected = np.asarray(transform(Image.fromarray(pixels)))
    got = Preprocessing(short_side_px=73, side_px=64)(pixels)
    assert got.shape == (64, 64, 3)
    # where a side left over is odd, the middle is half a pixel to one side or the other
    inner = [got[a : a + 62, b : b + 62] for a in range(3) for b in range(3)]
    assert any(np.array_equal(each, expected[1:63, 1:63]) for each in inner)


def test_squashing_keeps_the_whole_picture():
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, :50] = 255
    got = Preprocessing(fit="squash", side_px=32)(pixels)
    assert got.shape == (32, 32, 3)
    assert (got[:, :15] == 255).all()
    assert (got[:, 17:] == 0).all()


def test_preprocessing_survives_json():
    told = Preprocessing(fit="squash", side_px=96, resize="bicubic", mean=(0.1, 0.2, 0.3))
    assert Preprocessing.from_json(told.as_json()) == told
    with pytest.raises(ValueError, match="fit must be crop or squash"):
        Preprocessing(fit="stretch")
    with pytest.raises(ValueError, match="at most short_side_px"):
        Preprocessing(short_side_px=100, side_px=128)


def test_validation_varies_nothing_and_training_varies_by_its_draws():
    how = Preprocessing(short_side_px=40, side_px=32)
    resized = how.resized(noise(60, 90))
    plain = augmented(resized, how, "none", np.random.default_rng(0))
    assert np.array_equal(plain, how.middle(resized))
    for level in ("flip", "strong"):
        one, again, other = (
            augmented(resized, how, level, np.random.default_rng(seed)) for seed in (1, 1, 2)
        )
        assert one.shape == (32, 32, 3)
        assert one.dtype == np.uint8
        assert np.array_equal(one, again)
        assert not np.array_equal(one, other)


def test_flip_gives_every_cut_and_both_sides():
    how = Preprocessing(short_side_px=34, side_px=32)
    resized = noise(34, 36)
    cuts = {
        resized[top : top + 32, left : left + 32][:, ::step].tobytes()
        for top in range(3)
        for left in range(5)
        for step in (1, -1)
    }
    seen = {augmented(resized, how, "flip", np.random.default_rng(i)).tobytes() for i in range(400)}
    assert seen == cuts


def test_mixup_is_the_formula():
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (16, 3, 4, 4), np.uint8))
    mixed = mixup(images, np.random.default_rng(3))
    draws = np.random.default_rng(3)
    t = draws.beta(0.4, 0.4, 16)
    t = np.maximum(t, 1 - t)
    partner = draws.permutation(16)
    assert np.allclose(mixed.shares.numpy(), t)
    assert mixed.partners.tolist() == partner.tolist()
    plain = images.numpy().astype(np.float64)
    expected = t[:, None, None, None] * plain + (1 - t)[:, None, None, None] * plain[partner]
    assert np.allclose(mixed.images.numpy(), expected, atol=1e-3)


def test_a_mixed_rows_losses_are_weighed_by_its_own_share():
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.eye(3, dtype=torch.int8)[[0, 1, 2, 0, 1, 2]]
    mixed = mixup(torch.zeros(6, 3, 2, 2, dtype=torch.uint8), np.random.default_rng(1))
    log_p = logits.log_softmax(dim=1)
    classes = targets.argmax(dim=1)
    one = -log_p[torch.arange(6), classes]
    other = -log_p[torch.arange(6), classes[mixed.partners]]
    expected = (mixed.shares * one + (1 - mixed.shares) * other).mean()
    assert torch.allclose(loss_of(logits, targets, "multi_class", None, mixed), expected)
    weights = torch.tensor([1.0, 0.5, 0.25])
    plain = torch.nn.functional.cross_entropy(logits, classes, weights)
    assert torch.allclose(loss_of(logits, targets, "multi_class", weights), plain)


def test_unknown_answers_have_no_say():
    logits = torch.randn(4, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = torch.tensor([[1, -1], [0, 1], [-1, -1], [1, 0]], dtype=torch.int8)
    loss = loss_of(logits, targets, "multi_label")
    loss.backward()
    assert (logits.grad[targets < 0] == 0).all()
    known = targets >= 0
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits[known], targets[known].float())
    assert torch.allclose(loss, expected)


def test_rare_classes_weigh_more():
    targets = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.int8)
    assert class_weights(targets, "multi_class").tolist() == pytest.approx([1 / 3, 1])
    assert class_weights(targets, "multi_label").tolist() == pytest.approx([1 / 3, 3])


@pytest.mark.parametrize("num_workers", [0, 3])
def test_pictures_come_in_order_with_refusals_in_their_places(tmp_path, shared_data, num_workers):
    photos = sorted((shared_data / "photos/crab").glob("*.jpg"))
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    sources = [*photos[:4], bad, *photos[4:]]
    how = Preprocessing(short_side_px=73, side_px=64)
    with PictureReader(sources, how, num_workers=num_workers) as reader, Decoder() as decoder:
        for _ in range(2):  # decoded, then kept
            got = list(reader.read_many(range(len(sources)), lambda _, pixels: pixels))
            assert [isinstance(each, MediaRefused) for each in got] == [each == bad for each in sources]
        for photo, pixels in zip(photos, [each for each in got if isinstance(each, np.ndarray)], strict=True):
            assert np.array_equal(pixels, how.resized(decoder.image(photo, min_side_px=73).pixels))
