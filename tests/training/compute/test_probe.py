"""The linear probe: against scikit-learn's optimum, and what it promises beside it."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.training.compute.made import answers_of, made
from training.compute.columns import Scale
from training.compute.gap import by_item, split_gap
from training.compute.probe import Probe, ProbeDamaged, fit_probe
from training.compute.regularization import LEVEL, macro_average_precision

EXACT = {"class_weighting": "none", "tolerance": 1e-10}


def standardized(features: np.ndarray, answers) -> np.ndarray:
    scale = Scale.of(features[answers.rows_of("train")])
    return (features - scale.mean) / scale.spread


@pytest.mark.parametrize("ridge", [0.5, 20.0])
def test_a_choice_between_classes_is_the_optimum_of_scikit_learn(ridge):
    features, answers = made(500, num_classes=4)
    probe = fit_probe(features, answers, kind="multi_class", regularization=ridge, **EXACT)
    x, train = standardized(features, answers), answers.rows_of("train")
    model = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=5000)
    model.fit(x[train], answers.chosen()[train])
    ours, theirs = probe.logits(features), model.decision_function(x)
    ours = ours - ours.mean(axis=1, keepdims=True)
    theirs = theirs - theirs.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


@pytest.mark.parametrize("weighting", ["none", "balanced"])
def test_each_label_is_the_optimum_of_scikit_learn_and_unknown_answers_do_not_count(weighting):
    features, answers = made(500, num_classes=3)
    targets = answers.targets.copy()
    targets[np.random.default_rng(1).random(targets.shape) < 0.3] = -1
    answers = answers_of(targets, sides=answers.sides)
    given = EXACT | {"class_weighting": weighting}
    probe = fit_probe(features, answers, regularization=2.0, **given)
    x, train = standardized(features, answers), answers.rows_of("train")
    for at in range(3):
        rows = train[targets[train, at] >= 0]
        y = targets[rows, at]
        model = LogisticRegression(
            C=0.5, tol=1e-10, max_iter=5000, class_weight=None if weighting == "none" else "balanced"
        ).fit(x[rows], y)
        shift = 0 if weighting == "none" else np.log((y == 0).sum() / (y == 1).sum())
        theirs = model.decision_function(x) - shift
        np.testing.assert_allclose(probe.logits(features)[:, at], theirs, atol=2e-3)


def test_wide_features_that_are_searched_in_part_reach_the_same_optimum():
    features, answers = made(900, width=700, num_classes=3, shares=(0.9, 0.05))
    probe = fit_probe(features, answers, kind="multi_class", regularization=3.0, **EXACT)
    x, train = standardized(features, answers), answers.rows_of("train")
    model = LogisticRegression(C=1 / 3, tol=1e-10, max_iter=5000).fit(x[train], answers.chosen()[train])
    ours, theirs = probe.logits(features), model.decision_function(x)
    np.testing.assert_allclose(
        ours - ours.mean(axis=1, keepdims=True), theirs - theirs.mean(axis=1, keepdims=True), atol=5e-3
    )


@pytest.mark.parametrize("kind", ["multi_class", "multi_label"])
def test_the_chosen_penalty_serves_the_test_side_as_well_as_the_best_of_a_grid(kind):
    features, answers = made(1500, width=48, num_classes=4, spread=1.6, group_size=3)
    test = answers.rows_of("test")
    best = max(
        macro_average_precision(
            fit_probe(features, answers, kind=kind, regularization=ridge).logits(features[test]),
            answers.rows(test),
        )
        for ridge in (0.1, 1.0, 10.0, 100.0, 1000.0)
    )
    ours = macro_average_precision(
        fit_probe(features, answers, kind=kind).logits(features[test]), answers.rows(test)
    )
    assert ours >= best - 0.01


@pytest.mark.parametrize("seed", range(4))
def test_of_penalties_that_lose_alike_labels_take_the_one_that_ranks_best_and_a_choice_the_least_loss(seed):
    features, answers = made(240, num_classes=4, spread=2.0, seed=seed)
    for kind in ("multi_label", "multi_class"):
        probe = fit_probe(features, answers, kind=kind)
        tried = [row for row in probe.curve if row["phase"] == "path"]
        least = min(row["held_out_loss"] for row in tried)
        level = LEVEL if kind == "multi_label" else 1.0
        alike = [row for row in tried if row["held_out_loss"] <= level * least]
        best = max(alike, key=lambda row: row["held_out_average_precision"])
        assert probe.regularization == best["regularization"]


def test_the_same_seed_gives_the_same_probe():
    features, answers = made(300)
    one, two = (fit_probe(features, answers, seed=5) for _ in range(2))
    assert np.array_equal(one.weights, two.weights)
    assert np.array_equal(one.temperature, two.temperature)
    assert one.curve == two.curve


def test_curve_rows_come_while_it_trains_and_what_they_raise_ends_it():
    features, answers = made(300)
    rows = []
    probe = fit_probe(features, answers, on_progress=rows.append)
    assert tuple(rows) == probe.curve
    assert {row["phase"] for row in rows} == {"path", "fit"}
    fit = [row for row in rows if row["phase"] == "fit"]
    assert all(0 <= row["val_average_precision"] <= 1 and row["val_loss"] > 0 for row in fit)
    losses = [row["loss"] for row in fit]
    assert losses == sorted(losses, reverse=True)

    def stop(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_probe(features, answers, on_progress=stop)


def test_features_in_another_unit_give_the_same_probabilities():
    features, answers = made(300)
    one = fit_probe(features, answers).scores(features)
    two = fit_probe(features * 1000 + 7, answers).scores(features * 1000 + 7)
    np.testing.assert_allclose(one, two, atol=5e-3)


def test_a_probe_is_one_matrix_and_a_bias_on_raw_features():
    features, answers = made(300)
    probe = fit_probe(features, answers)
    weights, bias = probe.head()
    np.testing.assert_allclose(
        1 / (1 + np.exp(-(features @ weights.T + bias))), probe.scores(features), atol=1e-6
    )


def test_probabilities_of_a_choice_add_up_to_one():
    features, answers = made(300)
    scores = fit_probe(features, answers, kind="multi_class").scores(features)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert scores.dtype == np.float32


@pytest.mark.parametrize("weighting", ["none", "balanced"])
def test_probabilities_of_a_rare_class_are_those_of_its_share(weighting):
    rng = np.random.default_rng(0)
    is_positive = rng.random(6000) < 0.05
    features = (rng.standard_normal((6000, 8)) + 0.8 * is_positive[:, None]).astype(np.float32)
    targets = is_positive[:, None].astype(np.int8)
    answers = answers_of(targets, sides=np.where(np.arange(6000) < 4000, 0, 2).astype(np.int8))
    probe = fit_probe(features, answers, class_weighting=weighting)
    assert probe.calibrated_on == "folds"
    test = answers.rows_of("test")
    assert probe.scores(features[test]).mean() == pytest.approx(is_positive[test].mean(), rel=0.25)


def test_calibration_looks_at_val_and_never_at_test():
    features, answers = made(400, spread=1.5)
    flipped = answers.targets.copy()
    flipped[answers.rows_of("test")] = 1 - flipped[answers.rows_of("test")]
    given = {"group_codes": answers.group_codes, "sides": answers.sides}
    one = fit_probe(features, answers_of(answers.targets, **given))
    two = fit_probe(features, answers_of(flipped, **given))
    assert one.calibrated_on == "val"
    assert np.array_equal(one.head()[0], two.head()[0])


@pytest.mark.parametrize("num", [2, 3, 5])
def test_a_handful_of_answers_is_enough(num):
    features, _ = made(num)
    targets = (np.arange(num) % 2)[:, None].astype(np.int8)
    scores = fit_probe(features, answers_of(targets)).scores(features)
    assert np.isfinite(scores).all()
    assert scores[targets == 1].min() > scores[targets == 0].max()


def test_all_answers_in_one_group_train_without_held_out_groups():
    features, answers = made(40)
    lone = answers_of(answers.targets, group_codes=np.zeros(40, np.int64))
    assert np.isfinite(fit_probe(features, lone).scores(features)).all()


def test_a_weak_answer_counts_less():
    features = np.array([[1, 0], [0.99, 0.1], [0.98, -0.1], [-1, 0]], np.float32)
    targets = np.array([[1], [0], [1], [0]], np.int8)
    scores = []
    for weight in (1.0, 0.01):
        weights = np.array([[1], [weight], [1], [1]], np.float32)
        answers = answers_of(targets, weights=weights)
        probe = fit_probe(features, answers, regularization=0.1, class_weighting="none")
        scores.append(probe.logits(features)[1, 0])
    assert scores[1] > scores[0]


def test_a_probe_is_read_as_it_was_written(tmp_path):
    features, answers = made(200)
    probe = fit_probe(features, answers, kind="multi_class")
    probe.save(tmp_path)
    again = Probe.load(tmp_path)
    assert np.array_equal(again.scores(features), probe.scores(features))
    assert (again.class_names, again.kind, again.curve) == (probe.class_names, probe.kind, probe.curve)


def test_a_damaged_probe_is_refused(tmp_path):
    features, answers = made(200)
    fit_probe(features, answers).save(tmp_path)
    path = tmp_path / "probe.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(ProbeDamaged, match="damaged"):
        Probe.load(tmp_path)
    with pytest.raises(ProbeDamaged, match="no probe"):
        Probe.load(tmp_path / "elsewhere")


def test_a_split_by_item_flatters_where_groups_are_near_copies():
    features, answers = made(400, width=48, num_classes=3, spread=4.0, group_size=5)
    gap = split_gap(features, answers, fit_probe(features, answers))
    assert gap["difference"] == pytest.approx(gap["item_split"] - gap["group_split"])
    assert gap["difference"] > 0.05


def test_items_that_are_their_own_groups_have_no_gap():
    features, answers = made(200)
    assert split_gap(features, answers, fit_probe(features, answers)) is None


def test_a_split_by_item_keeps_what_each_side_has_of_each_class():
    _, answers = made(200, group_size=4)
    torn = by_item(answers)
    for side in ("train", "val", "test"):
        assert np.array_equal(torn.side(side).targets.sum(axis=0), answers.side(side).targets.sum(axis=0))


def test_a_split_by_item_keeps_what_each_side_has_of_rejects_beside_unknown_answers():
    _, answers = made(200, group_size=4)
    targets = np.where((answers.targets == 0) & (answers.sides > 0)[:, None], -1, answers.targets)
    torn = by_item(replace(answers, targets=targets.astype(np.int8)))
    for side in ("val", "test"):
        assert not (torn.side(side).targets == 0).any()
