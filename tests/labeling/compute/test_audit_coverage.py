"""Every interval an audit prints holds as often as it says: hundreds of corpora, made and real."""

import csv

import numpy as np
import pytest
from scipy import stats

from indexing.compute import images
from indexing.compute.encoders import load
from labeling.compute.audit_forecast import Pace, minutes_to_bound, next_positives, reaches
from labeling.compute.audit_lines import Draws, draw, purity_line
from labeling.compute.audit_model import fit_ranks
from labeling.compute.bounds import most_positives

CORPORA = 500
ALPHA = 0.05
PER_CLASS = 12  # photos; a class is then about 2 % of all


def gaussian_ranks(
    separation: float, *, corpora=CORPORA, items=1_000_000, positives=1_000, seed=0
) -> np.ndarray:
    """(corpora, positives) ranks of the positives when scores are Gaussian, their means `separation` apart.

    How many negatives score above each positive is drawn directly, from the best to the worst of them.
    """
    rng = np.random.default_rng(seed)
    scores = -np.sort(-(rng.standard_normal((corpora, positives)) + separation), axis=1)
    share = stats.norm.sf(scores)  # of the negatives that score higher
    above = np.zeros((corpora, positives), np.int64)
    so_far, before = np.zeros(corpora, np.int64), np.zeros(corpora)
    for place in range(positives):
        chance = np.clip((share[:, place] - before) / (1 - before), 0, 1)
        so_far = so_far + rng.binomial(items - positives - so_far, chance)
        above[:, place], before = so_far, share[:, place]
    return above + np.arange(positives)


def audited(ranks: np.ndarray, *, decided: int, horizon: int, looks: int, seed: int = 1):
    """(found, missed, M_up), each (corpora,), of one audit of each corpus."""
    rng = np.random.default_rng(seed)
    found = (ranks < decided).sum(1)
    missed = ((ranks >= decided) & (ranks < horizon)).sum(1)
    hits = rng.hypergeometric(missed, horizon - decided - missed, looks)
    bound = {hit: most_positives(horizon - decided, looks, int(hit), alpha=ALPHA) for hit in np.unique(hits)}
    return found, missed, np.array([bound[hit] for hit in hits])


# separation, horizon, looks -> the published median bound and the true recall in the horizon
CELLS = [
    (4.0, 50_000, 1_000, 0.91, 0.98),
    (4.0, 100_000, 3_000, 0.89, 0.98),
    (3.2, 50_000, 1_000, 0.82, 0.93),
    (2.97, 100_000, 3_000, 0.75, 0.86),
    (2.49, 200_000, 3_000, 0.52, 0.70),
]


@pytest.mark.parametrize(("separation", "horizon", "looks", "bound", "truth"), CELLS)
def test_the_recall_bound_holds_in_made_corpora_and_is_as_tight_as_published(
    separation, horizon, looks, bound, truth
):
    found, missed, most = audited(gaussian_ranks(separation), decided=20_000, horizon=horizon, looks=looks)
    assert (most >= missed).mean() >= 1 - ALPHA
    assert np.median(found / (found + missed)) == pytest.approx(truth, abs=0.015)
    assert np.median(found / (found + most)) == pytest.approx(bound, abs=0.035)  # k moves in steps


def test_the_bound_of_the_tail_holds():
    ranks = gaussian_ranks(2.97)
    for looks in (300, 3_000):
        _, more, most = audited(ranks, decided=200_000, horizon=1_000_000, looks=looks)
        assert (most >= more).mean() >= 1 - ALPHA


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97, 1.0])
def test_the_interval_of_purity_holds(share):
    rng = np.random.default_rng(3)
    right = rng.hypergeometric(round(2_000 * share), 2_000 - round(2_000 * share), 100, CORPORA)
    intervals = [purity_line(Draws(100, int(k), 0, 100 - int(k)), confidence=0.95).interval for k in right]
    held = [low <= round(2_000 * share) / 2_000 <= high for low, high in intervals]
    assert np.mean(held) >= 0.95


@pytest.fixture(scope="session")
def photos(shared_data):
    """(features (N, D), classes (N,)) of the first photos of every class, by the built-in encoder."""
    with (shared_data / "photos" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0])
    paths = sorted((shared_data / "photos").glob("*/*.jpg"))
    assert len(rows) == len(paths), columns
    chosen = [
        path
        for folder in sorted({path.parent for path in paths})
        for path in sorted(folder.glob("*.jpg"))[:PER_CLASS]
    ]
    encoder = load("builtin@1", device="cpu", model_dir=shared_data)
    features = encoder.encode([images.read_image(path, min_side_px=96).pixels for path in chosen])
    return features, np.array([path.parent.name for path in chosen])


def test_the_recall_bound_holds_on_real_photos_with_each_class_in_turn_rare(photos):
    """Ranked by the mean of three examples; the first 60 are decided, 150 of the 340 after them are drawn."""
    features, names = photos
    covered = total = 0
    for name in sorted(set(names) - {"BACKGROUND_Google"}):
        query = features[names == name][:3].mean(axis=0)
        is_positive = (names == name)[np.argsort(-(features @ query), kind="stable")]
        undecided = np.arange(60, 400)
        missed = int(is_positive[undecided].sum())
        for seed in range(60):
            hits = int(is_positive[draw(undecided, 150, seed=seed)].sum())
            covered += most_positives(len(undecided), 150, hits, alpha=ALPHA) >= missed
            total += 1
    assert total >= CORPORA
    assert covered / total >= 1 - ALPHA


def test_the_model_estimate_is_calibrated_on_the_uniform_draws():
    """Expected calibration error over the draws <= 0.03, in corpora the model was not made for."""
    ranks = gaussian_ranks(2.97, corpora=40, items=200_000, positives=2_000, seed=5)
    errors, ratios = [], []
    for number, positives in enumerate(ranks):
        is_positive = np.zeros(200_000, bool)
        is_positive[positives] = True
        draws = draw(np.arange(4_000, 50_000), 1_000, seed=number)
        answered = np.concatenate([np.arange(4_000), draws])
        model = fit_ranks(answered, is_positive[answered])
        assert model is not None
        expected = model.probabilities(draws)
        bins = np.digitize(expected, np.linspace(0, 1, 11))
        errors.append(
            sum(
                abs((expected - is_positive[draws])[bins == each].sum()) / len(draws)
                for each in np.unique(bins)
            )
        )
        left = np.setdiff1d(np.arange(4_000, 50_000), draws)
        ratios.append(model.estimate(left).missed / is_positive[left].sum())
    assert np.mean(errors) <= 0.03
    assert 0.6 <= np.median(ratios) <= 1.6


def yields(kind: str, rng: np.random.Generator, length: int) -> np.ndarray:
    """(length,) bool: what somebody accepts on the way down a ranking."""
    if kind == "steady":
        return rng.random(length) < rng.uniform(0.05, 0.5)
    start, slope = rng.uniform(1, 3), rng.uniform(0.3, 0.6)
    if kind == "thinning":
        return rng.random(length) < 1 / (1 + np.exp(-(start - slope * np.log1p(np.arange(length)))))
    items, positives, separation = 100_000, 1_500, rng.uniform(2.0, 3.0)
    scores = np.concatenate(
        [rng.standard_normal(positives) + separation, rng.standard_normal(items - positives)]
    )
    return (np.argsort(-scores) < positives)[:length]


@pytest.mark.parametrize("kind", ["steady", "thinning", "gaussian"])
def test_the_forecast_of_the_next_fifty_covers_four_in_five(kind):
    rng = np.random.default_rng(11)
    held = []
    for number in range(170):
        accepted = yields(kind, rng, 30_000)
        now = int(rng.integers(60, 1_500))
        ahead = np.flatnonzero(np.cumsum(accepted[now:]) >= 50)
        forecast = next_positives(accepted[:now], Pace(0.8, 0.15), seed=number)
        if forecast is None:
            continue
        seconds = rng.lognormal(np.log(0.8), 0.15)
        minutes = (ahead[0] + 1) * seconds / 60 if len(ahead) else np.inf
        held.append((forecast.low or 0) <= minutes <= (np.inf if forecast.high is None else forecast.high))
    assert len(held) >= 150
    assert np.mean(held) >= 0.8


def test_the_forecast_of_the_bound_covers_four_in_five():
    rng = np.random.default_rng(13)
    held = []
    for number in range(100):
        found, undecided = int(rng.integers(100, 900)), int(rng.integers(2_000, 20_000))
        share = rng.gamma(2.0, found * 0.015 / undecided)
        missed = int(rng.binomial(undecided, min(0.5, share)))
        pilot = 200  # looked at before: what the guesses rest on
        hits = rng.hypergeometric(missed, undecided - missed, pilot)
        guesses = undecided * rng.beta(hits + 0.5, pilot - hits + 0.5, 200)
        pace = Pace(1.0, 0.15)
        forecast = minutes_to_bound(found, undecided, guesses, pace, seed=number)
        is_positive = np.zeros(undecided, bool)
        is_positive[:missed] = True
        order = rng.permutation(is_positive)
        found_by = np.cumsum(order)
        sizes = np.unique(np.geomspace(20, undecided, 60).astype(int))
        enough = next(
            size
            for size in sizes
            if reaches(found, undecided, int(size), int(found_by[size - 1]), target=0.9, alpha=ALPHA)
        )
        minutes = enough * rng.lognormal(0, 0.15) / 60
        held.append((forecast.low or 0) <= minutes * 1.07 and minutes <= (forecast.high or np.inf) * 1.07)
    assert np.mean(held) >= 0.8
