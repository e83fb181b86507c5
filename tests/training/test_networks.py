"""On pictures: a network is fine-tuned, goes on after a kill, scores a corpus; versions become ONNX."""

import hashlib
import io
import json

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from rest_framework.test import APIClient

from indexing.compute.encoders.samples import dead_leaves
from indexing.models import Item, MediaFile
from indexing.services.features import start_extract
from indexing.tasks import extract_features
from sisyphus_web.jobs.models import Job
from tests.training.conftest import decide, freeze, run_job
from training.models import ClassifierVersion, ScoreSet
from training.services.runs import request_run
from training.services.scores import read_scores
from training.services.versions import checked_folder

pytestmark = pytest.mark.django_db(transaction=True)

SMALL = {
    "network": "torchvision:squeezenet1_1",
    "weights": "random",
    "num_epochs": 2,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "side_px": 64,
    "augmentation": "none",
    "has_mixup": False,
}


def photo(corpus, folder, number: int, *, is_red: bool) -> Item:
    """A photo on disk; the red ones are of the class."""
    pixels = dead_leaves(number, 96).astype(np.float32)
    pixels *= (1.0, 0.3, 0.3) if is_red else (0.3, 0.5, 1.0)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    path = folder / f"{number}.png"
    path.write_bytes(buffer.getvalue())
    media_file = MediaFile.objects.create(
        corpus=corpus,
        sha256=hashlib.sha256(buffer.getvalue()).hexdigest(),
        kind="image",
        name=path.name,
        size_bytes=path.stat().st_size,
        path=str(path),
        state="done",
        width_px=96,
        height_px=96,
    )
    return Item.objects.create(corpus=corpus, media_file=media_file)


@pytest.fixture
def is_red() -> list[bool]:
    return [number % 2 == 0 for number in range(40)]


@pytest.fixture
def photos(corpus, tmp_path, is_red):
    return [photo(corpus, tmp_path, number, is_red=each) for number, each in enumerate(is_red)]


@pytest.fixture
def version(corpus, ann, mia, cat, photos, is_red):
    """An answer to all but the last eight photos."""
    decide(corpus, ann, cat, photos[:32], is_red[:32])
    return freeze(corpus, mia, cat)


@pytest.fixture
def client(mia):
    made = APIClient()
    made.force_authenticate(mia)
    return made


def fine_tuned(version, mia, **options) -> ClassifierVersion:
    run = request_run(version=version, kind="fine_tune", options=SMALL | options, by=mia)
    job = run_job(run.job)
    assert job.status == "done", f"{job.error_code}: {job.error_text}"
    return ClassifierVersion.objects.select_related("run", "classifier").get(run=run)


def probability_of(session, pixels, classes) -> np.ndarray:
    """As the example script does it."""
    about = session.get_modelmeta().custom_metadata_map
    how = json.loads(about["preprocessing"])
    assert json.loads(about["classes"]) == classes
    side = how["side_px"]
    image = Image.fromarray(pixels)
    size = (side, side)
    if how["fit"] == "crop":
        size = tuple(int(how["short_side_px"] * length / min(image.size)) for length in image.size)
    image = image.resize(size, getattr(Image.Resampling, how["resize"].upper()))
    left, top = ((length - side) // 2 for length in image.size)
    cut = np.asarray(image.crop((left, top, left + side, top + side)))
    return session.run(["probabilities"], {"images": cut.transpose(2, 0, 1)[None]})[0][0]


def test_a_network_is_fine_tuned_scores_everything_and_becomes_onnx(corpus, client, version, mia, photos):
    made = fine_tuned(version, mia)
    assert [row["epoch"] for row in made.run.curve] == [1, 2]
    assert made.run.evaluation["test"]["num_items"] == made.run.examples["sides"]["test"]["items"]
    files = {path.name for path in checked_folder(made).iterdir()}
    assert {"best.safetensors", "last.safetensors", "curve.jsonl", "calibration.json"} <= files
    scoring = run_job(ScoreSet.objects.get(version=made).job)
    assert (scoring.kind, scoring.status) == ("classifier_infer", "done")
    scores = read_scores(ScoreSet.objects.get(version=made))
    assert scores.item_ids.tolist() == [item.pk for item in photos]
    api = f"/api/v1/corpora/{corpus.pk}"
    asked = client.post(f"{api}/classifier-versions/{made.pk}/onnx/", {}, format="json").json()
    job = run_job(Job.objects.get(pk=asked["job"]))
    assert job.status == "done", job.error_text
    (export,) = client.get(f"{api}/classifier-versions/{made.pk}/onnx/").json()["results"]
    file, any_size = export["files"]
    assert (export["status"], file["part"], file["largest_difference"] <= 1e-4) == ("done", "network", True)
    assert (any_size["part"], any_size["largest_difference"] <= 0.02) == ("network_any_size", True)
    data = b"".join(client.get(file["url"]).streaming_content)
    assert hashlib.sha256(data).hexdigest() == file["sha256"]
    assert b'"images"' in client.get(file["example_url"]).content
    assert b'"picture"' in client.get(any_size["example_url"]).content
    whole = b"".join(client.get(any_size["url"]).streaming_content)
    resizing = onnxruntime.InferenceSession(whole, providers=["CPUExecutionProvider"])
    for item, score in zip(photos[:6], scores.values, strict=False):
        pixels = np.asarray(Image.open(item.media_file.path).convert("RGB"))
        assert resizing.run(["probabilities"], {"picture": pixels})[0][0] == pytest.approx(score, abs=0.02)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for item, score in zip(photos[:6], scores.values, strict=False):
        pixels = np.asarray(Image.open(item.media_file.path))
        assert probability_of(session, pixels, ["cat"]) == pytest.approx(score, abs=1e-3)


def test_a_killed_fine_tuning_goes_on_with_the_same_curve(corpus, version, mia, monkeypatch):
    from training.services import progress

    undisturbed = fine_tuned(version, mia).run.curve
    run = request_run(version=version, kind="fine_tune", options=SMALL, by=mia)
    add = progress.Curve.add

    def killed_after_an_epoch(curve, row, **how):
        add(curve, row, **how)
        raise KeyboardInterrupt

    monkeypatch.setattr(progress.Curve, "add", killed_after_an_epoch)
    with pytest.raises(KeyboardInterrupt):
        run_job(run.job)
    run.job.refresh_from_db()
    assert run.job.status == "queued"
    monkeypatch.setattr(progress.Curve, "add", add)
    assert run_job(run.job).status == "done"
    run.refresh_from_db()
    losses = [[row["train_loss"] for row in curve] for curve in (undisturbed, run.curve)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_photos_that_are_gone_damaged_or_written_over_are_left_out_each_told_once(
    corpus, version, mia, photos, tmp_path
):
    (tmp_path / "0.png").unlink()
    (tmp_path / "1.png").write_bytes(b"no picture any more")
    (tmp_path / "2.png").write_bytes((tmp_path / "3.png").read_bytes())
    made = fine_tuned(version, mia, num_epochs=1)
    assert made.run.examples["unreadable"] == 3
    left_out = made.run.job.events.filter(text__contains="was left out").values_list("text", flat=True)
    assert sorted(text[:5] for text in left_out) == ["0.png", "1.png", "2.png"]
    job = run_job(ScoreSet.objects.get(version=made).job)
    assert job.result["failed"] == 3
    assert len(read_scores(ScoreSet.objects.get(version=made)).item_ids) == 37
    assert job.events.filter(text__contains="has no score").exists()


def test_weights_of_another_network_are_refused_by_name(version, mia, tmp_path, settings, shared_weights):
    settings.MODEL_DIR = tmp_path / "models"
    settings.MODEL_DIR.mkdir()
    other = (shared_weights / "shufflenetv2_tiny_149k.pth").read_bytes()
    (settings.MODEL_DIR / "mobilenet_v2.pt").write_bytes(other)
    asked = SMALL | {"network": "torchvision:mobilenet_v2", "weights": "published"}
    job = run_job(request_run(version=version, kind="fine_tune", options=asked, by=mia).job)
    assert (job.status, job.error_code) == ("failed", "encoder-not-usable")
    assert "mobilenet_v2.pt does not fit its network" in job.error_text
    assert not ClassifierVersion.objects.exists()


def test_a_probe_on_real_features_becomes_a_head_that_answers_alike(corpus, client, version, mia, photos):
    extracting = start_extract(corpus, encoder="builtin@1", created_by=mia)
    extract_features(extracting.pk)
    run = request_run(version=version, by=mia)
    assert run_job(run.job).status == "done"
    made = ClassifierVersion.objects.get(run=run)
    api = f"/api/v1/corpora/{corpus.pk}"
    early = client.post(f"{api}/classifier-versions/{made.pk}/onnx/", {}, format="json").json()
    not_ready = client.get(f"{api}/onnx/{early['id']}/head/")
    assert (not_ready.status_code, not_ready.json()["code"]) == (409, "not-ready")
    assert run_job(Job.objects.get(pk=early["job"])).status == "done"
    (export,) = client.get(f"{api}/classifier-versions/{made.pk}/onnx/").json()["results"]
    assert [file["part"] for file in export["files"]] == ["head"]
    assert "builtin@1" in export["note"]
    assert export["files"][0]["largest_difference"] <= 1e-4
    assert client.get(f"{api}/onnx/{early['id']}/whole/").status_code == 404
