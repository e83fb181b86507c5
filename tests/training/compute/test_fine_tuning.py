"""Runs are the same with the same seed, go on where they stopped, and tell what they cannot learn from."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.compute.photos import CLASSES, examples_of, pretrained, random_weights
from training.compute import checkpoints, fine_tuning
from training.compute.checkpoints import BEST, CURVE, LAST
from training.compute.classifiers import load_classifier
from training.compute.examples import Example
from training.compute.fine_tuning import fine_tune, in_batches
from training.compute.refusals import TrainingRefused

ROOT = Path(__file__).resolve().parents[3]


def same_files(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in (BEST, LAST, CURVE))


def test_a_network_learns_what_it_is_shown(tmp_path, shared_data, shared_weights):
    settings = pretrained(shared_weights, num_epochs=4)
    result = fine_tune(settings, examples_of(shared_data, num=24), tmp_path)
    assert result.is_finished
    assert result.why == "all epochs"
    assert result.best_row["accuracy"] >= 0.8
    assert result.rows[-1]["train_loss"] < result.rows[0]["train_loss"]


def test_two_runs_with_one_seed_are_equal_and_with_another_are_not(tmp_path, shared_data):
    examples = examples_of(shared_data)
    first, again, other = (
        fine_tune(random_weights(seed=seed), examples, tmp_path / name)
        for seed, name in ((5, "first"), (5, "again"), (6, "other"))
    )
    assert first.rows == again.rows
    assert same_files(tmp_path / "first", tmp_path / "again")
    assert first.rows != other.rows


def test_decoding_in_other_processes_changes_no_number(tmp_path, shared_data):
    examples = examples_of(shared_data)
    alone = fine_tune(random_weights(num_epochs=1), examples, tmp_path / "alone")
    helped = fine_tune(random_weights(num_epochs=1, num_workers=2, cache_bytes=0), examples, tmp_path / "two")
    assert alone.rows == helped.rows


@pytest.mark.parametrize("changes", [{}, {"ema_decay": 0.9, "augmentation": "strong", "has_mixup": False}])
def test_one_and_two_epochs_equal_three(tmp_path, shared_data, changes):
    examples = examples_of(shared_data)
    whole = fine_tune(random_weights(num_epochs=3, **changes), examples, tmp_path / "whole")
    fine_tune(random_weights(num_epochs=1, **changes), examples, tmp_path / "parts")
    parts = fine_tune(random_weights(num_epochs=3, **changes), examples, tmp_path / "parts")
    assert parts.rows == whole.rows
    assert (tmp_path / "parts" / CURVE).read_text() == (tmp_path / "whole" / CURVE).read_text()
    one, other = (checkpoints.read(tmp_path / name / LAST) for name in ("whole", "parts"))
    assert all(one.weights[name].equal(value) for name, value in other.weights.items())
    assert all(one.training[name].equal(value) for name, value in other.training.items())


def test_a_run_continued_elsewhere_brings_its_best_epoch_along(tmp_path, shared_data):
    examples = examples_of(shared_data)
    whole = fine_tune(random_weights(num_epochs=3), examples, tmp_path / "whole")
    fine_tune(random_weights(num_epochs=2), examples, tmp_path / "first")
    start = checkpoints.read(tmp_path / "first" / LAST)
    second = fine_tune(random_weights(num_epochs=3), examples, tmp_path / "second", start=start)
    assert second.rows == whole.rows
    assert checkpoints.read_facts(second.best).metrics == whole.best_row
    (tmp_path / "first" / BEST).unlink()
    third = fine_tune(random_weights(num_epochs=3), examples, tmp_path / "third", start=start)
    assert third.best_row["epoch"] == checkpoints.read_facts(third.best).metrics["epoch"] == 3


@pytest.mark.parametrize(("stage", "num_done"), [("training", 16), ("validation", 34)])
def test_a_killed_run_goes_on_with_the_same_curve(tmp_path, shared_data, stage, num_done):
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    words = [sys.executable, "-m", "tests.training.compute.killed_run", str(shared_data), str(killed), "2"]
    words += [stage, str(num_done)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env) as run:
        assert run.stdout.readline() == "here\n"
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    settings, examples = random_weights(num_epochs=2, ema_decay=0.9), examples_of(shared_data)
    for folder in (killed, undisturbed):
        fine_tune(settings, examples, folder)
    assert same_files(killed, undisturbed)
    left = [each.name for each in killed.iterdir() if each.name.endswith(".safetensors")]
    assert sorted(left) == [BEST, LAST]


def test_a_run_told_to_stop_goes_on_from_there(tmp_path, shared_data):
    examples, settings = examples_of(shared_data), random_weights()
    whole = fine_tune(settings, examples, tmp_path / "whole")
    for num_asked in (1, 7, 8):
        asked = iter(range(num_asked))
        stopped = fine_tune(
            settings, examples, tmp_path / "parts", should_stop=lambda asked=asked: next(asked, None) is None
        )
        assert not stopped.is_finished
        assert stopped.why == "stopped"
    assert fine_tune(settings, examples, tmp_path / "parts").rows == whole.rows


def test_a_head_alone_begins_at_the_linear_solution_of_its_features(tmp_path, shared_data, shared_weights):
    settings = pretrained(shared_weights, trainable="head", num_epochs=2, learning_rate=0.5)
    examples = examples_of(shared_data)
    begun = fine_tune(replace(settings, num_epochs=1), examples, tmp_path / "one")
    (first,) = begun.rows
    assert first["train_loss"] < 0.2  # random numbers would give ln 3
    result = fine_tune(settings, examples, tmp_path / "two")  # steps that are far too long
    assert result.rows[0] == first
    assert result.best_row["accuracy"] >= first["accuracy"]
    assert len(result.rows) == 2


def test_only_the_head_learns_when_told_so(tmp_path, shared_data, shared_weights):
    settings = pretrained(shared_weights, trainable="head", num_epochs=2)
    fine_tune(settings, examples_of(shared_data), tmp_path)
    first = checkpoints.networks.build(
        settings.architecture, len(CLASSES), weights=settings.weights, seed=settings.seed
    ).state_dict()
    changed = {
        name
        for name, value in checkpoints.read(tmp_path / LAST).weights.items()
        if not value.equal(first[name])
    }
    assert changed == {"classifier.1.weight", "classifier.1.bias"}


@pytest.mark.parametrize(("is_frozen", "num_changed"), [(True, 0), (False, 56)])
def test_batch_normalization_measures_anew_unless_it_is_frozen(tmp_path, shared_data, is_frozen, num_changed):
    settings = random_weights(num_epochs=1, is_norm_frozen=is_frozen)
    fine_tune(settings, examples_of(shared_data), tmp_path)
    saved = checkpoints.read(tmp_path / LAST).weights
    means = [value for name, value in saved.items() if name.endswith("running_mean")]
    assert len(means) == 56
    assert sum(bool(value.any()) for value in means) == num_changed


def test_normalization_that_was_folded_away_stays_away(tmp_path, shared_data, shared_weights):
    examples = examples_of(shared_data)
    settings = pretrained(shared_weights, num_epochs=2)
    whole = fine_tune(settings, examples, tmp_path / "whole")
    fine_tune(replace(settings, num_epochs=1), examples, tmp_path / "parts")
    # a resumed run may have lost the file of its first weights
    parts = fine_tune(replace(settings, weights=None), examples, tmp_path / "parts")
    saved = checkpoints.read(tmp_path / "whole" / LAST).weights
    assert not any(value.any() for name, value in saved.items() if name.endswith("running_mean"))
    assert parts.rows == whole.rows


def test_the_best_epoch_is_what_is_kept(tmp_path, shared_data):
    settings, examples = random_weights(num_epochs=4), examples_of(shared_data)
    result = fine_tune(settings, examples, tmp_path)
    best = max(result.rows, key=lambda row: (row["accuracy"], -row["val_loss"]))
    assert result.best_row == best
    assert checkpoints.read_facts(tmp_path / BEST).metrics == best
    assert json.loads((tmp_path / "best.json").read_text())["metrics"] == best
    assert [row["epoch"] for row in result.rows] == [1, 2, 3, 4]
    assert [json.loads(line) for line in (tmp_path / CURVE).read_text().splitlines()] == result.rows


def test_the_best_checkpoint_answers_as_its_metrics_say(tmp_path, shared_data, shared_weights):
    examples = examples_of(shared_data)
    result = fine_tune(pretrained(shared_weights, ema_decay=0.9), examples, tmp_path)
    classifier = load_classifier(tmp_path, device="cpu", batch_size=5)
    from indexing.compute.decoder import Decoder

    with Decoder() as decoder:
        side = classifier.preprocessing.decode_side_px
        val = [each for each in examples if each.side == "val"]
        scores = classifier([decoder.image(each.source, min_side_px=side).pixels for each in val])
    right = np.array([each.target.index(1) for each in val]) == scores.argmax(axis=1)
    assert right.mean() == result.best_row["accuracy"]
    assert np.allclose(scores.sum(axis=1), 1)


def test_training_ends_early_when_nothing_gets_better(tmp_path, shared_data):
    settings = random_weights(num_epochs=50, patience=2, learning_rate=1e-9)
    result = fine_tune(settings, examples_of(shared_data), tmp_path)
    assert result.why == "no better for 2 epochs"
    assert len(result.rows) == result.best_row["epoch"] + 2
    assert result.is_finished


def test_several_labels_are_learned_with_answers_left_out(tmp_path, shared_data, shared_weights):
    examples = [
        replace(each, target=(each.target[0], -1 if i % 4 == 3 else each.target[1]))
        for i, each in enumerate(examples_of(shared_data, num=15))
    ]
    settings = pretrained(shared_weights, class_names=CLASSES[:2], kind="multi_label", num_epochs=3)
    result = fine_tune(settings, examples, tmp_path)
    assert result.best_row["average_precision"] > 0.8
    scores = load_classifier(tmp_path, device="cpu")([np.zeros((80, 90, 3), np.uint8)])
    assert scores.shape == (1, 2)


def test_pictures_may_come_from_anywhere_and_in_any_size(tmp_path, shared_data):
    def made(seed: int):
        return lambda: np.random.default_rng(seed).integers(0, 256, (20 + seed, 90 - seed, 3), np.uint8)

    examples = [
        Example(made(i), (i % 2, 1 - i % 2), "val" if i < 6 else "train", f"made {i}") for i in range(20)
    ]
    result = fine_tune(random_weights(class_names=("odd", "even"), num_epochs=1), examples, tmp_path)
    assert not result.refused
    assert len(result.rows) == 1


def test_a_picture_that_cannot_be_read_is_named_and_the_others_go_on(tmp_path, shared_data):
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(next((shared_data / "photos/okapi").glob("*.jpg")).read_bytes()[:3000])
    examples = examples_of(shared_data)
    bad = [
        Example(cut, (1, 0, 0), "train", "cut"),
        Example(tmp_path / "gone.jpg", (1, 0, 0), "val", "gone"),
        Example(lambda: np.zeros((4, 4), np.uint8), (1, 0, 0), "val", "flat"),
    ]
    result = fine_tune(random_weights(num_epochs=1), examples + bad, tmp_path / "with")
    assert {each.name: each.code for each in result.refused} == {
        "cut": "damaged-image",
        "gone": "gone",
        "flat": "not-a-picture",
    }
    assert result.rows == fine_tune(random_weights(num_epochs=1), examples, tmp_path / "without").rows


def refused(code: str, *arguments, **more) -> str:
    with pytest.raises(TrainingRefused) as caught:
        fine_tune(*arguments, **more)
    assert caught.value.code == code
    return caught.value.sentence


def test_what_cannot_be_learned_from_is_said(tmp_path, shared_data):
    examples, folder = examples_of(shared_data), tmp_path / "run"
    settings = random_weights()
    one = [replace(each, target=(1,)) for each in examples]
    assert "only one class" in refused(
        "one-class-only", random_weights(class_names=("okapi",)), one, tmp_path
    )
    no_pagoda = [each for each in examples if each.side == "val" or each.target != (0, 1, 0)]
    assert "pagoda" in refused("empty-class", settings, no_pagoda, folder)
    assert "val" in refused("no-val", settings, [e for e in examples if e.side == "train"], folder)
    labels = random_weights(kind="multi_label")
    assert "rejected" in refused(
        "no-negatives", labels, [replace(each, target=(1, 1, 1)) for each in examples], tmp_path
    )
    crossing = [replace(each, group="one video") for each in examples]
    assert "one video" in refused("crossing-split", settings, crossing, folder)
    assert not folder.exists()


def test_a_folder_of_another_run_is_left_alone(tmp_path, shared_data):
    examples = examples_of(shared_data)
    fine_tune(random_weights(num_epochs=1), examples, tmp_path)
    before = (tmp_path / LAST).read_bytes()
    assert "seed 0 instead of 1" in refused("another-run", random_weights(seed=1), examples, tmp_path)
    assert "other pictures" in refused("another-run", random_weights(), examples[1:], tmp_path)
    assert (tmp_path / LAST).read_bytes() == before


def test_a_loss_that_is_no_number_is_said(tmp_path, shared_data):
    wild = random_weights(learning_rate=9.0, weight_decay=1e6)
    sentence = refused("diverged", wild, examples_of(shared_data), tmp_path)
    assert "learning rate" in sentence


def test_progress_counts_every_picture_of_every_epoch(tmp_path, shared_data):
    seen = []
    fine_tune(random_weights(), examples_of(shared_data), tmp_path, on_progress=seen.append)
    training = [each for each in seen if each.stage != "reading"]
    assert [each.done for each in training] == sorted(each.done for each in training)
    assert training[-1].done == training[-1].total == 2 * 36
    assert [each.row["epoch"] for each in seen if each.row] == [1, 2]


@pytest.mark.parametrize(
    ("num", "size", "sizes"),
    [(9, 4, [4, 5]), (8, 4, [4, 4]), (1, 4, [1]), (10, 4, [4, 4, 2]), (5, 4, [5])],
)
def test_no_batch_has_a_single_row_beside_others(num, size, sizes):
    assert [len(each) for each in in_batches(np.arange(num), size)] == sizes
    assert np.concatenate(in_batches(np.arange(num), size)).tolist() == list(range(num))


@pytest.mark.gpu
@pytest.mark.skipif(
    not torch.cuda.is_available() and os.environ.get("REQUIRE_CUDA") != "1", reason="needs CUDA"
)
def test_a_gpu_learns_the_same_twice_and_answers_as_the_cpu_does(tmp_path, shared_data, shared_weights):
    examples = examples_of(shared_data)
    settings = pretrained(shared_weights, device="cuda:0")
    one, again = (fine_tune(settings, examples, tmp_path / name) for name in ("one", "again"))
    assert one.rows == again.rows
    pictures = [np.random.default_rng(i).integers(0, 256, (80, 90, 3), np.uint8) for i in range(5)]
    on_gpu, on_cpu = (load_classifier(tmp_path / "one", device=name)(pictures) for name in ("cuda:0", "cpu"))
    assert np.abs(on_gpu - on_cpu).max() < 1e-2


def test_settings_that_mean_nothing_are_refused():
    for wrong in ({"batch_size": 1}, {"num_epochs": 0}, {"learning_rate": -1.0}, {"ema_decay": 1.0}):
        with pytest.raises(ValueError, match="must be"):
            random_weights(**wrong)
    with pytest.raises(ValueError, match="trainable must be one of all, head"):
        random_weights(trainable="tail")
    assert fine_tuning.SAVE_EVERY_BATCHES > 1
