"""What an audit would cost and could say, before one is drawn; and minutes to what one works for."""

from __future__ import annotations

import msgspec
import numpy as np

from labeling.compute.audit_forecast import Forecast, Pace, finish, minutes_to_bound, next_positives, pace_of
from labeling.compute.audit_lines import Status, best_recall
from labeling.compute.audit_model import fit_ranks
from labeling.compute.bounds import alpha_of_audit, looks_to_certify
from labeling.models import Audit, LabelClass, QueryRound
from labeling.services.audits import describe_audit, with_parents
from labeling.services.audits_draw import ALPHA
from labeling.services.audits_frames import ranked_units, statuses_of, statuses_of_ranking
from labeling.services.audits_pending import has_open_audit
from labeling.services.counts import count_states
from labeling.services.pace import keyed_decisions
from labeling.services.rounds import BadQuery, query_of
from sisyphus_web.accounts.models import User

HORIZONS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000)
LOOKS = (50, 100, 200, 300, 500, 1_000, 3_000)
PREVALENCES = (0.001, 0.01, 0.05)
MISSED_SHARE = 0.1
TARGET = 0.9
WANTED = 50
USUAL = Pace(seconds=0.8, spread=0.3)  # 75 a minute, until somebody's own pace is known
LIKELY = 0.5  # chance from which on a bound is said to be in sight
NUM_GUESSES = 80  # of what is left, each audited in thought


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
    number: int  # which audited ranking of the class it would be; each further one spends less
    confidence: float
    target: float
    missed_share: float
    per_minute: float
    is_pace_measured: bool
    horizons: list[Horizon]
    price: list[Price]


class ForecastAnswer(msgspec.Struct):
    """Minutes of work to the next positives of the class, at this person's own pace and yield.

    Both are of what was answered at the keyboard: a token and an import have no pace.
    """

    label_class: int = msgspec.field(name="class")
    wanted: int
    decisions: int  # it rests on
    per_minute: float | None  # as among people
    to_wanted: Minutes | None  # null: too few decisions to tell
    audit: ToBound | None = None  # the one that runs


class ToBound(msgspec.Struct):
    """What a running audit is heading for, from the answers so far: a forecast, not a bound."""

    audit: int
    target: float
    share: float | None  # chance that it will say recall >= target; null: too few answers to tell
    to_done: Minutes | None  # until all was looked at, one tile in so many being of the audit
    to_target: Minutes | None  # the same where the chance is even or better; null otherwise


def plan_audit(query_round: QueryRound, *, by: User) -> Plan:
    """What audits of this round's ranking would cost; nothing is drawn and nothing is kept."""
    label_class = query_round.label_class
    if label_class is None:
        raise BadQuery("class-needed", "This ranking was made without a class: choose one and rank again.")
    ranked = ranked_units(query_round.corpus, query_of(query_round), stop=HORIZONS[-1])
    said, live = statuses_of(label_class, ranked.units, is_strict=True)
    measured = pace_of(keyed_decisions(label_class, by).moments)
    pace = measured or USUAL
    number = label_class.frozen_rankings.count() + 1
    alpha = alpha_of_audit(ALPHA, number)
    depths = [each for each in HORIZONS if each < len(said)]
    depths.append(min(len(said), HORIZONS[-1]))
    return Plan(
        round=query_round.pk,
        num_ranked=ranked.total,
        number=number,
        confidence=1 - alpha,
        target=TARGET,
        missed_share=MISSED_SHARE,
        per_minute=60 / pace.seconds,
        is_pace_measured=measured is not None,
        horizons=[_horizon(said[:depth], live[:depth], pace, alpha) for depth in sorted(set(depths))],
        price=[_price(prevalence, pace) for prevalence in PREVALENCES],
    )


def forecast(label_class: LabelClass, *, by: User) -> ForecastAnswer:
    """Minutes to the next 50 accepted, from what `by` answered to the class at the keyboard."""
    keyed = keyed_decisions(label_class, by)
    pace = pace_of(keyed.moments)
    accepted = keyed.accepted[keyed.is_found]
    counts = count_states(label_class)
    num_left = counts.untouched + counts.weak + counts.unsure
    found = next_positives(accepted, pace, wanted=WANTED, num_left=num_left) if pace else None
    return ForecastAnswer(
        label_class=label_class.pk,
        wanted=WANTED,
        decisions=len(accepted),
        per_minute=60 / pace.seconds if pace else None,
        to_wanted=_minutes(found),
        audit=_to_bound(label_class, pace or USUAL),
    )


def _to_bound(label_class: LabelClass, pace: Pace) -> ToBound | None:
    """Of the audit of recall that runs; None where none does."""
    if not has_open_audit(label_class, kind=Audit.Kind.RECALL):
        return None
    audit = with_parents(label_class.audits.filter(kind=Audit.Kind.RECALL, stop=None)).order_by("-pk")[0]
    told = describe_audit(audit)
    if told.recall is None or audit.ranking_id is None or told.state != "running":
        return None
    recall, sample = told.recall, told.recall.sample
    before = np.frombuffer(bytes(audit.statuses), np.uint8)
    now = statuses_of_ranking(label_class, audit.ranking_id, len(before))
    is_known = now.live & ((now.said == Status.ACCEPTED) | (now.said == Status.REJECTED))
    model = fit_ranks(np.flatnonzero(is_known), now.said[is_known] == Status.ACCEPTED)
    places = np.flatnonzero(now.live & (now.said == Status.UNDECIDED))
    guesses = model.sample_counts(places)[:NUM_GUESSES] if model is not None else np.zeros(0)
    share, to_done = finish(
        recall.accepted,
        recall.undecided,
        sample.looks,
        sample.looked_at,
        sample.found + sample.unsure,
        guesses,
        pace,
        tiles_left=(told.looks - told.looked_at) * told.one_in,
        target=TARGET,
        alpha=audit.alpha,
    )
    is_likely = model is not None and share >= LIKELY
    return ToBound(
        audit=audit.pk,
        target=TARGET,
        share=share if model is not None else None,
        to_done=_minutes(to_done),
        to_target=_minutes(to_done) if is_likely else None,
    )


def _horizon(said: np.ndarray, live: np.ndarray, pace: Pace, alpha: float) -> Horizon:
    accepted = int(np.count_nonzero(live & (said == Status.ACCEPTED)))
    open_places = np.flatnonzero(live & (said == Status.UNDECIDED))
    undecided = len(open_places)
    looks = sorted({each for each in LOOKS if each < undecided} | {undecided} & set(range(1, LOOKS[-1] + 1)))
    is_known = (said == Status.ACCEPTED) | (said == Status.REJECTED)
    model = fit_ranks(np.flatnonzero(is_known), said[is_known] == Status.ACCEPTED)
    to_target = None
    if model is not None and undecided:
        guesses = model.sample_counts(open_places)[:NUM_GUESSES]
        to_target = minutes_to_bound(accepted, undecided, guesses, pace, target=TARGET, alpha=alpha)
    return Horizon(
        stacks=len(said),
        accepted=accepted,
        undecided=undecided,
        options=[
            Option(each, each * pace.seconds / 60, best_recall(accepted, undecided, each, alpha=alpha))
            for each in looks
        ],
        to_target=_minutes(to_target),
    )


def _price(prevalence: float, pace: Pace) -> Price:
    looks = looks_to_certify(prevalence, MISSED_SHARE, alpha=ALPHA)
    return Price(prevalence=prevalence, looks=looks, minutes=looks * pace.seconds / 60)


def _minutes(found: Forecast | None) -> Minutes | None:
    return Minutes(found.minutes, found.low, found.high) if found else None
