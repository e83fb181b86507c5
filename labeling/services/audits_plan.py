"""What an audit would cost and could say, before one is drawn; and minutes to what one works for."""

from __future__ import annotations

import msgspec
import numpy as np

from labeling.compute.audit_forecast import Forecast, Pace, minutes_to_bound, next_positives, pace_of
from labeling.compute.audit_lines import Status, best_recall
from labeling.compute.audit_model import fit_ranks
from labeling.compute.bounds import looks_to_certify
from labeling.models import LabelClass, QueryRound, Verdict
from labeling.services.audits_draw import ALPHA
from labeling.services.audits_frames import ranked_units, statuses_of
from labeling.services.counts import count_states
from labeling.services.rounds import BadQuery, query_of
from sisyphus_web.accounts.models import User

HORIZONS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000)
LOOKS = (50, 100, 200, 300, 500, 1_000, 3_000)
PREVALENCES = (0.001, 0.01, 0.05)
MISSED_SHARE = 0.1
TARGET = 0.9
WANTED = 50
USUAL = Pace(seconds=0.8, spread=0.3)  # 75 a minute, until somebody's own pace is known
NUM_GUESSES = 80  # of what is left, each audited in thought
RECENT = 2_000  # decisions looked back at
NOT_FINDING = ("undo", "review", "import", "second", "gold", "derived")  # modes of answers to what was found


class Minutes(msgspec.Struct):
    """About so many, meant to lie between low and high nine times in ten; null: never, as it looks now."""

    minutes: float | None
    low: float | None
    high: float | None


class Option(msgspec.Struct):
    """What so many looks cost, and what they say if none of them is positive: a plan promises no more."""

    looks: int
    minutes: float
    recall: float | None


class Horizon(msgspec.Struct):
    """The first stacks of the ranking: how they stand, and what may be asked about them."""

    stacks: int
    accepted: int
    undecided: int
    options: list[Option]
    to_target: Minutes | None  # minutes of looks until recall >= target can be said; null: not to be told yet


class Price(msgspec.Struct):
    """Looks that certify the whole corpus without any assumption, where so large a share is positive."""

    prevalence: float
    looks: int
    minutes: float


class Plan(msgspec.Struct):
    """Before an audit is drawn. `is_pace_measured`: of this person; otherwise 75 looks a minute are meant."""

    round: int
    num_ranked: int
    confidence: float
    target: float
    missed_share: float
    per_minute: float
    is_pace_measured: bool
    horizons: list[Horizon]
    price: list[Price]


class ForecastAnswer(msgspec.Struct):
    """Minutes of work to the next positives of the class, at this person's own pace and yield."""

    label_class: int = msgspec.field(name="class")
    wanted: int
    decisions: int  # it rests on
    per_minute: float | None
    to_wanted: Minutes | None  # null: too few decisions to tell


def plan_audit(query_round: QueryRound, *, by: User) -> Plan:
    """What audits of this round's ranking would cost; nothing is drawn and nothing is kept."""
    label_class = query_round.label_class
    if label_class is None:
        raise BadQuery("class-needed", "This ranking was made without a class: choose one and rank again.")
    ranked = ranked_units(query_round.corpus, query_of(query_round), stop=HORIZONS[-1])
    said, live = statuses_of(label_class, ranked.units, is_strict=True)
    measured = pace_of(_moments(label_class, by))
    pace = measured or USUAL
    depths = [each for each in HORIZONS if each < len(said)]
    depths.append(min(len(said), HORIZONS[-1]))
    return Plan(
        round=query_round.pk,
        num_ranked=ranked.total,
        confidence=1 - ALPHA,
        target=TARGET,
        missed_share=MISSED_SHARE,
        per_minute=60 / pace.seconds,
        is_pace_measured=measured is not None,
        horizons=[_horizon(said[:depth], live[:depth], pace) for depth in sorted(set(depths))],
        price=[_price(prevalence, pace) for prevalence in PREVALENCES],
    )


def forecast(label_class: LabelClass, *, by: User) -> ForecastAnswer:
    """Minutes to the next 50 accepted, from the decisions of `by` for the class."""
    rows = _decisions(label_class, by)
    moments = np.array([moment for moment, _ in rows])
    pace = pace_of(moments)
    accepted = np.array([answer == "accept" for _, answer in rows], bool)
    counts = count_states(label_class)
    num_left = counts.untouched + counts.weak + counts.unsure
    found = next_positives(accepted, pace, wanted=WANTED, num_left=num_left) if pace else None
    return ForecastAnswer(
        label_class=label_class.pk,
        wanted=WANTED,
        decisions=len(rows),
        per_minute=60 / pace.seconds if pace else None,
        to_wanted=_minutes(found),
    )


def _horizon(said: np.ndarray, live: np.ndarray, pace: Pace) -> Horizon:
    accepted = int(np.count_nonzero(live & (said == Status.ACCEPTED)))
    open_places = np.flatnonzero(live & (said == Status.UNDECIDED))
    undecided = len(open_places)
    looks = sorted({each for each in LOOKS if each < undecided} | {undecided} & set(range(1, LOOKS[-1] + 1)))
    is_known = (said == Status.ACCEPTED) | (said == Status.REJECTED)
    model = fit_ranks(np.flatnonzero(is_known), said[is_known] == Status.ACCEPTED)
    to_target = None
    if model is not None and undecided:
        guesses = model.sample_counts(open_places)[:NUM_GUESSES]
        to_target = minutes_to_bound(accepted, undecided, guesses, pace, target=TARGET, alpha=ALPHA)
    return Horizon(
        stacks=len(said),
        accepted=accepted,
        undecided=undecided,
        options=[
            Option(each, each * pace.seconds / 60, best_recall(accepted, undecided, each, alpha=ALPHA))
            for each in looks
        ],
        to_target=_minutes(to_target),
    )


def _price(prevalence: float, pace: Pace) -> Price:
    looks = looks_to_certify(prevalence, MISSED_SHARE, alpha=ALPHA)
    return Price(prevalence=prevalence, looks=looks, minutes=looks * pace.seconds / 60)


def _moments(label_class: LabelClass, by: User) -> np.ndarray:
    return np.array([moment for moment, _ in _decisions(label_class, by)])


def _decisions(label_class: LabelClass, by: User) -> list[tuple[float, str]]:
    """(seconds, answer) of what this person said of tiles that were found, oldest first."""
    rows = (
        Verdict.objects.filter(label_class=label_class, annotator=by, reverts=None)
        .exclude(mode__in=NOT_FINDING)
        .order_by("-pk")
        .values_list("client_time", "created_at", "answer")[:RECENT]
    )
    found = [((said or kept).timestamp(), answer) for said, kept, answer in rows]
    return found[::-1]


def _minutes(found: Forecast | None) -> Minutes | None:
    return Minutes(found.minutes, found.low, found.high) if found else None
