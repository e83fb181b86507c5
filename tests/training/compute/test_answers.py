"""What a table of answers is, and what a training refuses: each with a code and what to do."""

import pickle

import numpy as np
import pytest

from tests.training.compute.made import answers_of, made
from training.compute import answers as refusals
from training.compute.answers import AnswerTable, check_trainable
from training.compute.probe import fit_probe


def test_sides_are_views_of_the_rows_in_their_order():
    _, answers = made(50)
    parts = [answers.side(name) for name in ("train", "val", "test")]
    assert sum(map(len, parts)) == 50
    assert np.array_equal(np.sort(np.concatenate([part.item_ids for part in parts])), answers.item_ids)
    assert np.array_equal(answers.item_ids[answers.rows_of("val")], parts[1].item_ids)


def test_a_group_on_two_sides_is_refused_at_birth():
    with pytest.raises(refusals.CrossingSplit, match="group 7") as refused:
        answers_of(
            np.array([[1], [0], [1]]),
            group_codes=np.array([7, 7, 8]),
            sides=np.array([0, 2, 2], np.int8),
        )
    assert refused.value.code == "crossing-split"


def test_no_class_is_refused():
    empty = np.zeros((2, 0), np.int8)
    with pytest.raises(refusals.NoClasses):
        answers_of(empty)


@pytest.mark.parametrize("name", ["group_codes", "source_codes", "sides"])
def test_an_array_of_another_shape_is_refused_by_its_name(name):
    given = {name: np.zeros(3, np.int8 if name == "sides" else np.int64)}
    with pytest.raises(refusals.WidthMismatch, match=name):
        answers_of(np.array([[1], [0]]), **given)


@pytest.mark.parametrize(
    ("targets", "kind", "code"),
    [
        ([[-1], [-1]], "multi_label", "no-answers"),
        ([[0], [0]], "multi_label", "no-positives"),
        ([[1], [1]], "multi_label", "no-negatives"),
        ([[1, 0], [0, 0]], "multi_label", "no-positives"),
        ([[1, 0], [1, 0]], "multi_class", "one-class-only"),
        ([[1, 0, 0], [0, 1, 0]], "multi_class", "no-positives"),
        ([[1, 1], [0, 1]], "multi_class", "two-classes-accepted"),
    ],
)
def test_answers_that_teach_nothing_are_refused_with_a_code_and_what_to_do(targets, kind, code):
    with pytest.raises(refusals.AnswersRefused) as refused:
        check_trainable(answers_of(np.array(targets)), kind)
    assert refused.value.code == code
    assert len(str(refused.value)) > 40


def test_positives_on_another_side_do_not_help_training():
    answers = answers_of(np.array([[0], [0], [1]]), sides=np.array([0, 0, 2], np.int8))
    with pytest.raises(refusals.NoPositives, match="class a on the train side"):
        check_trainable(answers, "multi_label")


def test_an_answer_of_no_weight_is_no_example():
    answers = AnswerTable(
        *(np.arange(2), np.array([[1], [0]], np.int8), np.arange(2), np.zeros(2, np.int64)),
        np.zeros(2, np.int8),
        ("a",),
        np.array([[0], [1]], np.float32),
    )
    with pytest.raises(refusals.NoPositives):
        check_trainable(answers, "multi_label")


def test_features_of_another_width_or_number_are_refused():
    features, answers = made(60)
    with pytest.raises(refusals.WidthMismatch, match="60"):
        fit_probe(features[:50], answers)
    probe = fit_probe(features, answers)
    with pytest.raises(refusals.WidthMismatch, match="24"):
        probe.scores(features[:, :20])


@pytest.mark.parametrize("side", ["train", "val"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_feature_that_is_not_a_number_is_refused(value, side):
    features, answers = made(60)
    features[int(answers.rows_of(side)[3]), 2] = value
    with pytest.raises(refusals.NotFinite, match="extract the features"):
        fit_probe(features, answers)


def test_a_refusal_keeps_its_code_between_processes():
    again = pickle.loads(pickle.dumps(refusals.NoPositives("accept some")))
    assert (type(again), again.code, str(again)) == (refusals.NoPositives, "no-positives", "accept some")
