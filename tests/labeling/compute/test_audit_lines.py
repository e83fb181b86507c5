"""The three lines of an audit, from statuses before and now."""

import numpy as np
import pytest

from labeling.compute.audit_lines import (
    Draws,
    Status,
    best_recall,
    draw,
    horizon_line,
    purity_line,
    tail_line,
)
from labeling.compute.bounds import clopper_pearson, most_positives

OPEN, YES, NO, UNSURE = Status.UNDECIDED, Status.ACCEPTED, Status.REJECTED, Status.UNSURE


def statuses(**counts: int) -> np.ndarray:
    names = {"yes": YES, "no": NO, "unsure": UNSURE, "open": OPEN}
    return np.concatenate([np.full(count, names[name]) for name, count in counts.items()])


BEFORE = statuses(yes=80, no=120, open=300)
EVERYTHING = np.ones(500, bool)


def line(now, draws, before=BEFORE, live=EVERYTHING):
    return horizon_line(before, now, live, Draws.of(draws), alpha=0.05)


def test_a_sample_says_nothing_until_all_of_it_was_looked_at():
    said = line(BEFORE, statuses(no=36, yes=1, open=63))
    assert (said.draws.looked_at, said.draws.drawn, said.draws.finds) == (37, 100, 1)
    assert said.before is said.after is said.now is said.missed_at_most is None


def test_recall_before_and_after_counting_the_finds():
    said = line(BEFORE, statuses(no=98, yes=2))
    missed = most_positives(300, 100, 2, alpha=0.05)
    assert said.missed_at_most == missed
    assert (said.before, said.after) == (80 / (80 + missed), 82 / (80 + missed))
    assert said.missed_estimate == 6.0


def test_an_unsure_draw_counts_as_a_positive_but_not_as_found():
    unsure = line(BEFORE, statuses(no=98, unsure=2))
    found = line(BEFORE, statuses(no=98, yes=2))
    assert unsure.missed_at_most == found.missed_at_most
    assert unsure.after == unsure.before == found.before


def test_what_was_rejected_since_is_not_missed_now():
    now = BEFORE.copy()
    now[200:490], now[490:495] = NO, YES  # all but five of the 300 that were open
    said = line(now, statuses(no=98, yes=2))
    assert said.missed_at_most == most_positives(300, 100, 2, alpha=0.05) > 10
    assert said.now == pytest.approx(85 / 90)
    now[495:] = NO
    everything = line(now, statuses(no=98, yes=2))
    assert everything.now == 1.0
    assert everything.before == said.before == 80 / (80 + said.missed_at_most)


def test_what_is_accepted_later_raises_recall_now_without_another_audit():
    now = BEFORE.copy()
    now[200:203] = YES  # three of the 300 that were open
    said = line(now, statuses(no=98, yes=2))
    assert said.now == pytest.approx(83 / (80 + said.missed_at_most))
    assert said.before == line(BEFORE, statuses(no=98, yes=2)).before


def test_more_found_than_the_bound_said_is_no_recall_above_one():
    now = BEFORE.copy()
    now[200:500] = YES
    assert line(now, statuses(no=99, yes=1)).now == 1.0


def test_an_answer_taken_back_counts_as_missed():
    now = BEFORE.copy()
    now[0], now[80], now[81] = OPEN, OPEN, UNSURE  # an accept and two rejects
    said = line(now, statuses(no=100))
    assert (said.accepted, said.doubtful) == (79, 3)
    assert said.before == 79 / (79 + most_positives(300, 100, 0, alpha=0.05) + 3)


def test_stacks_that_were_unsure_count_as_missed_until_somebody_decides():
    before = statuses(yes=80, unsure=5, open=300)
    live = np.ones(len(before), bool)
    doubtful = line(before, statuses(no=100), before, live)
    decided = before.copy()
    decided[80:85] = NO
    assert line(decided, statuses(no=100), before, live).before > doubtful.before
    assert doubtful.doubtful == 5


def test_deleted_stacks_are_in_no_number():
    live = EVERYTHING.copy()
    live[:10], live[490:] = False, False
    said = line(BEFORE, statuses(no=97), live=live)
    assert (said.accepted, said.undecided, said.draws.drawn) == (70, 290, 97)


def test_nothing_to_find_has_no_recall():
    before = statuses(no=100, open=50)
    assert line(before, statuses(no=50), before, np.ones(150, bool)).before is None


def test_the_tail_holds_at_most_so_many_more():
    assert tail_line(10_000, Draws.of(statuses(no=300)), alpha=0.05).at_most == most_positives(
        10_000, 300, 0, alpha=0.05
    )
    assert tail_line(10_000, Draws.of(statuses(no=299, open=1)), alpha=0.05).at_most is None
    assert tail_line(10_000, Draws(0, 0, 0, 0), alpha=0.05).at_most is None


def test_purity_has_the_exact_interval_and_unsure_widens_it_to_both_sides():
    said = purity_line(Draws.of(statuses(yes=95, no=5)), confidence=0.95)
    assert said.share == 0.95
    assert said.interval == pytest.approx(clopper_pearson(95, 100))
    doubtful = purity_line(Draws.of(statuses(yes=93, unsure=2, no=5)), confidence=0.95)
    assert doubtful.interval.low < said.interval.low
    assert doubtful.interval.high == said.interval.high
    assert purity_line(Draws.of(statuses(yes=1, open=1)), confidence=0.95).interval is None


def test_the_draw_is_uniform_without_replacement_and_the_same_for_a_seed():
    population = np.arange(100, 200)
    drawn = draw(population, 30, seed=7)
    assert len(set(drawn.tolist())) == 30
    assert set(drawn.tolist()) <= set(range(100, 200))
    assert (draw(population, 30, seed=7) == drawn).all()
    counts = np.bincount(np.concatenate([draw(np.arange(20), 5, seed=seed) for seed in range(2000)]))
    assert abs(counts - 500).max() < 100  # five standard deviations of Binomial(2000, 1/4)


def test_no_plan_promises_more_than_a_clean_sample_gives():
    assert best_recall(80, 300, 100, alpha=0.05) == 80 / (80 + most_positives(300, 100, 0, alpha=0.05))
    assert best_recall(80, 300, 5000, alpha=0.05) == 1.0
    assert best_recall(0, 0, 100, alpha=0.05) is None
