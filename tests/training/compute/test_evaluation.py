"""A whole evaluation: as JSON, against scikit-learn, and with nothing invented where nothing is known."""

import json

import numpy as np
import pytest
from sklearn import metrics as oracle

from tests.training.compute.made import answers_of, made
from training.compute.answers import AnswerTable, NoAnswers, NotFinite, WidthMismatch
from training.compute.evaluation import evaluate
from training.compute.probe import fit_probe


@pytest.fixture(scope="module")
def judged():
    features, answers = made(900, spread=1.6, num_classes=4, group_size=2)
    probe = fit_probe(features, answers, kind="multi_class")
    rows = answers.rows_of("test")
    scores, side = probe.scores(features[rows]), answers.rows(rows)
    return scores, side, evaluate(scores, side, kind="multi_class")


def test_it_is_small_json(judged):
    _, _, found = judged
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text) == json.loads(json.dumps(found))
    assert len(text) < 60_000 * len(found["classes"])


def test_its_numbers_are_those_of_scikit_learn(judged):
    scores, side, found = judged
    chosen = side.chosen()
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(chosen, scores.argmax(axis=1)))
    assert found["balanced_accuracy"] == pytest.approx(
        oracle.balanced_accuracy_score(chosen, scores.argmax(axis=1))
    )
    low, high = found["accuracy_interval"]
    assert low < found["accuracy"] < high
    for at, of_class in enumerate(found["classes"]):
        positive = side.targets[:, at] == 1
        assert of_class["average_precision"] == pytest.approx(
            oracle.average_precision_score(positive, scores[:, at])
        )
        assert of_class["roc_auc"] == pytest.approx(oracle.roc_auc_score(positive, scores[:, at]))
        low, high = of_class["average_precision_interval"]
        assert low <= of_class["average_precision"] <= high
    assert found["macro_average_precision"] == pytest.approx(
        oracle.average_precision_score(side.targets, scores, average="macro")
    )


def test_its_curves_have_their_exact_ends(judged):
    _, side, found = judged
    for at, of_class in enumerate(found["classes"]):
        assert of_class["precision_recall"][-1][2] == 1.0
        assert of_class["precision_recall"][-1][1] == pytest.approx(
            (side.targets[:, at] == 1).mean(), abs=1e-6
        )
        assert of_class["roc"][0] == [0.0, 0.0]
        assert of_class["roc"][-1] == [1.0, 1.0]
        assert max(len(of_class["roc"]), len(of_class["precision_recall"])) <= 200


def test_sources_add_up_to_the_side(judged):
    _, side, found = judged
    for at, of_class in enumerate(found["classes"]):
        positives = [each["num_positives"] for each in of_class["sources"]]
        assert sum(positives) == (side.targets[:, at] == 1).sum()
        assert [each["source"] for each in of_class["sources"]] == [0, 1, 2, 3]


def test_the_worst_mistakes_are_the_most_certain_ones():
    scores = np.array([[0.9], [0.7], [0.1], [0.4], [0.95]], np.float32)
    answers = answers_of(np.array([[0], [0], [1], [1], [1]]), item_ids=np.array([11, 12, 13, 14, 15]))
    (found,) = evaluate(scores, answers, thresholds={"a": 0.5})["classes"]
    assert [item for item, _ in found["worst"]["false_positives"]] == [11, 12]
    assert [item for item, _ in found["worst"]["false_negatives"]] == [13, 14]
    assert not found["is_threshold_chosen_here"]
    assert found["confusion"]["precision"] == pytest.approx(1 / 3)
    assert found["confusion"]["recall"] == pytest.approx(1 / 3)


def test_unknown_answers_are_left_out_and_counted():
    scores = np.array([[0.9], [0.2], [0.99]], np.float32)
    (found,) = evaluate(scores, answers_of(np.array([[1], [0], [-1]])))["classes"]
    assert (found["num_positives"], found["num_negatives"], found["num_unknown"]) == (1, 1, 1)
    assert found["average_precision"] == 1.0


@pytest.mark.parametrize("target", [0, 1, -1])
def test_what_one_kind_of_answer_cannot_tell_is_none(target):
    scores = np.array([[0.9], [0.2]], np.float32)
    found = evaluate(scores, answers_of(np.full((2, 1), target)))
    (of_class,) = found["classes"]
    assert of_class["roc_auc"] is None
    assert of_class["roc"] == []
    assert (of_class["average_precision"] is None) == (target != 1)
    assert (found["macro_average_precision"] is None) == (target != 1)
    json.dumps(found, allow_nan=False)


def test_scores_that_cannot_be_judged_are_refused():
    answers = answers_of(np.array([[1], [0]]))
    with pytest.raises(WidthMismatch):
        evaluate(np.zeros((2, 2), np.float32), answers)
    with pytest.raises(NotFinite):
        evaluate(np.array([[np.nan], [0]], np.float32), answers)
    with pytest.raises(NoAnswers):
        evaluate(np.zeros((0, 1), np.float32), answers.rows(np.zeros(0, np.int64)))


def many_classes(num_classes: int, num_items: int = 1500):
    rng = np.random.default_rng(4)
    chosen = rng.integers(0, num_classes, num_items)
    targets = (chosen[:, None] == np.arange(num_classes)).astype(np.int8)
    logits = rng.standard_normal((num_items, num_classes)) + 4 * targets
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = tuple(f"class {at}" for at in range(num_classes))
    of_each = np.arange(num_items)
    none = np.zeros(num_items, np.int64)
    answers = AnswerTable(of_each, targets, of_each, none, none.astype(np.int8), names)
    return scores.astype(np.float32), answers


def test_an_evaluation_of_many_classes_stays_small_and_tells_what_is_confused():
    scores, side = many_classes(300)
    found = evaluate(scores, side, kind="multi_class")
    assert len(json.dumps(found)) < 4_000_000
    assert found["confusion_matrix"] is None
    predicted, chosen = scores.argmax(axis=1), side.chosen()
    for truth, said, num in found["confusions"]:
        assert num == ((chosen == truth) & (predicted == said)).sum() > 0
    counts = [num for *_, num in found["confusions"]]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == 100


def test_a_page_of_classes_is_judged_as_all_of_them_are():
    scores, side = many_classes(30)
    whole = evaluate(scores, side, kind="multi_class")
    page = evaluate(scores, side, kind="multi_class", only=range(10, 20))
    assert page["macro_average_precision"] == pytest.approx(whole["macro_average_precision"])
    assert [each["name"] for each in page["classes"]] == [each["name"] for each in whole["classes"][10:20]]
    for of_page, of_all in zip(page["classes"], whole["classes"][10:20], strict=True):
        assert of_page["average_precision"] == of_all["average_precision"]
