"""On which side a threshold was chosen, and on which it is measured."""

import numpy as np

from tests.training.compute.made import answers_of
from training.models import Run
from training.services.judging import judge


def test_a_threshold_that_was_chosen_on_test_says_so_there():
    answers = answers_of(
        np.array([[1, 1], [0, 0], [1, 1], [0, -1], [1, 1], [0, 0]]),
        sides=np.array([0, 0, 1, 1, 2, 2], np.int8),
    )
    scores = {"val": np.array([[0.8, 0.8], [0.1, 0.1]]), "test": np.array([[0.9, 0.9], [0.2, 0.2]])}
    run = Run(target="multi_label", classes=[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    judged = judge(run, answers, scores)
    assert [point.expected["side"] for point in judged.points] == ["val", "test"]
    told = [each["is_threshold_chosen_here"] for each in judged.evaluation["test"]["classes"]]
    assert told == [False, True]
    told = [each["is_threshold_chosen_here"] for each in judged.evaluation["val"]["classes"]]
    assert told == [True, False]
