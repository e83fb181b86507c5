"""A small simulated annotator on real photos: what the benchmark measures at length, as an order."""

import numpy as np

from benchmarks.annotate_sim import ours
from benchmarks.annotate_sim.annotator import Session, annotate
from benchmarks.annotate_sim.policies import POLICIES
from indexing.search_service import learning

POLICIES_COMPARED = ("sisyphus", "static similarity", "mean of accepted", "linear SVM", "random order")


def sessions_of(photos, policy):
    """One annotator for every class, beginning with its third photo."""
    everything = np.ones(len(photos.names), bool)
    made = []
    for name in np.unique(photos.names):
        is_wanted = photos.names == name
        start = int(np.flatnonzero(is_wanted)[2])
        chosen = POLICIES[policy](photos.vectors, start)
        made.append(annotate(photos.vectors, is_wanted, start, chosen, everything))
    return made


def test_learning_needs_fewer_decisions_than_the_other_ways_and_hurts_nobody(photos):
    sessions = {policy: sessions_of(photos, policy) for policy in POLICIES_COMPARED}
    needed = {
        policy: np.mean([session.decisions_to(0.8) or len(session.hits) for session in made])
        for policy, made in sessions.items()
    }
    for other in ("static similarity", "mean of accepted", "random order"):
        assert needed["sisyphus"] < needed[other], needed
    assert needed["sisyphus"] < 1.03 * needed["linear SVM"], needed
    at_the_end = [session.precisions[-1] - session.precisions[0] for session in sessions["sisyphus"]]
    assert min(at_the_end) >= -0.01


def test_the_simulated_policy_samples_like_the_search_service():
    assert (ours.NUM_UNDECIDED, ours.SAMPLES_SEED) == (learning.NUM_UNDECIDED, learning.SAMPLES_SEED)


def test_decisions_are_counted_to_the_item_that_reaches_the_share():
    session = Session(4, hits=[True, False, True, False, True, True])
    assert [session.decisions_to(share) for share in (0.5, 0.75, 1.0)] == [3, 5, 6]
    assert Session(4, hits=[True]).decisions_to(0.5) is None
