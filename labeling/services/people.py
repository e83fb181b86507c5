"""Per annotator, from the ledger alone: how much, how fast, how often like others and like gold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np
from django.db import connection

from labeling.compute.agreement import cohen_kappa, confusion
from labeling.compute.bounds import clopper_pearson
from labeling.models import Answer, LabelClass
from labeling.services.derivation import SourceError, error_of_all, errors_by_source
from labeling.services.pace import AT, IS_KEYED, PAUSE_SECONDS, STANDS
from sisyphus_web.accounts.models import Corpus

ANSWERS = tuple(Answer.values)
NO_WIDTH = 1e-6  # of an interval, as floats come
SCOPE = """
    said.corpus_id = %(corpus)s AND (%(label_class)s::bigint IS NULL OR said.label_class_id = %(label_class)s)
    AND (%(days)s::float8 IS NULL OR said.created_at > now() - make_interval(secs => %(days)s * 86400.0))
"""
# What an import brought was answered by nobody here; what a token said has no pace.
RATES = """
    WITH said AS (
        SELECT said.*, {at} AS at, {is_keyed} AS is_keyed
        FROM labeling_verdict said WHERE reverts_id IS NULL AND mode <> 'import' AND {scope}
    ), paced AS (
        SELECT said.*,
               extract(epoch FROM at - lag(at) OVER (
                   PARTITION BY annotator_id, is_keyed ORDER BY at, id
               )) AS gap
        FROM said
    )
    SELECT account.username, count(*), sum(1 + cardinality(member_ids)),
           count(*) FILTER (WHERE answer = 'accept'), count(*) FILTER (WHERE answer = 'reject'),
           count(*) FILTER (WHERE answer = 'unsure'),
           count(*) FILTER (WHERE NOT ({paced_stands})),
           count(*) FILTER (WHERE is_keyed AND gap <= {pause}),
           coalesce(sum(gap) FILTER (WHERE is_keyed AND gap <= {pause}), 0)::float8 / 60, max(created_at)
    FROM paced JOIN accounts_user account ON account.id = paced.annotator_id
    GROUP BY account.username ORDER BY count(*) DESC, account.username
"""
# The last standing blind vote of each person on an item, and the last answer of somebody else before it.
PAIRS = """
    WITH vote AS (
        SELECT DISTINCT ON (said.annotator_id, said.item_id, said.label_class_id) said.*
        FROM labeling_verdict said
        WHERE said.mode = 'second' AND said.is_blind AND said.reverts_id IS NULL AND {scope}
          AND {said_stands}
        ORDER BY said.annotator_id, said.item_id, said.label_class_id, said.id DESC
    )
    SELECT first_account.username, first.answer, account.username, vote.answer
    FROM vote
    JOIN LATERAL (
        SELECT before.annotator_id, before.answer FROM labeling_verdict before
        WHERE before.item_id = vote.item_id AND before.label_class_id = vote.label_class_id
          AND before.id < vote.id AND NOT before.is_blind AND before.reverts_id IS NULL
          AND before.annotator_id <> vote.annotator_id
        ORDER BY before.id DESC LIMIT 1
    ) first ON true
    JOIN accounts_user account ON account.id = vote.annotator_id
    JOIN accounts_user first_account ON first_account.id = first.annotator_id
"""
GOLD = """
    WITH vote AS (
        SELECT DISTINCT ON (said.annotator_id, said.item_id, said.label_class_id) said.*
        FROM labeling_verdict said
        WHERE said.mode = 'gold' AND said.is_blind AND said.reverts_id IS NULL AND {scope}
          AND {said_stands}
        ORDER BY said.annotator_id, said.item_id, said.label_class_id, said.id DESC
    )
    SELECT account.username, gold.answer, vote.answer {more}
    FROM vote
    JOIN LATERAL (
        SELECT known.answer FROM labeling_goldanswer known
        WHERE known.item_id = vote.item_id AND known.label_class_id = vote.label_class_id
        ORDER BY known.id DESC LIMIT 1
    ) gold ON gold.answer <> ''
    JOIN accounts_user account ON account.id = vote.annotator_id
    {only}
"""
MISSED = {
    "more": ", vote.created_at, vote.item_id, media.name, vote.label_class_id, label_class.name",
    "only": """
    JOIN labeling_labelclass label_class ON label_class.id = vote.label_class_id
    JOIN indexing_item item ON item.id = vote.item_id AND item.deleted_at IS NULL
    JOIN indexing_mediafile media ON media.id = item.media_file_id
    WHERE vote.answer <> gold.answer ORDER BY vote.id DESC LIMIT %(most)s
    """,
}
MOST_MISSED = 24


class Proportion(msgspec.Struct):
    """`hits` of `num`, with the exact 95 % interval; share is null where nothing was seen."""

    hits: int
    num: int
    share: float | None
    low: float
    high: float


class Agreement(msgspec.Struct):
    """Of pairs of answers to one item: how many are alike, and how far beyond chance (kappa, 95 %)."""

    alike: Proportion
    kappa: float | None
    kappa_low: float | None  # None where the pairs do not tell how sure it is: no width
    kappa_high: float | None


class Person(msgspec.Struct):
    """One annotator. A decision is one answer, to an item or a stack; `items` count the members too."""

    name: str
    decisions: int
    items: int
    accepted: int
    rejected: int
    unsure: int
    undone: int
    accept_share: float
    active_minutes: float  # pauses of more than a minute not counted
    per_minute: float | None  # of what was answered at the keyboard: a token has no pace
    last_at: str
    gold: Proportion
    agreement: Agreement
    confusion: list[list[int]]  # rows: what the other said, or gold; columns: what this one said


class Pair(msgspec.Struct):
    """Two annotators, and how they agree."""

    one: str
    other: str
    agreement: Agreement


class Miss(NamedTuple):
    """A gold check that somebody answered otherwise; perhaps it is the known answer that is wrong."""

    by: str
    known: str
    said: str
    at: datetime
    item: int
    name: str
    label_class: int
    class_name: str


class Derived(msgspec.Struct):
    """Checks of answers derived from a stack; `source` is null for no source, `wrong` counts the hits."""

    source: int | None
    name: str
    wrong: Proportion
    is_off: bool


class People(msgspec.Struct):
    """What people said in a corpus, or about one class of it, lately or ever."""

    answers: list[str]  # of the confusions, in order
    people: list[Person]
    pairs: list[Pair]
    agreement: Agreement
    derived: list[Derived]
    derived_all: Derived


def people_of(corpus: Corpus, *, label_class: LabelClass | None = None, days: float | None = None) -> People:
    """Everybody who answered, most decisions first; errors of derived answers are of the whole corpus."""
    values = {"corpus": corpus.pk, "label_class": label_class.pk if label_class else None, "days": days}
    pairs = [tuple(row) for row in _rows(PAIRS, values)]
    gold = _rows(GOLD, values)
    errors = errors_by_source(corpus)
    return People(
        answers=list(ANSWERS),
        people=[_person(row, pairs, gold) for row in _rows(RATES, values)],
        pairs=_pairs(pairs),
        agreement=_agreement((first, second) for _, first, _, second in pairs),
        derived=[describe_error(error) for error in errors],
        derived_all=describe_error(error_of_all(errors)),
    )


def missed_gold(
    corpus: Corpus, *, label_class: LabelClass | None = None, days: float | None = None
) -> list[Miss]:
    """The newest gold checks that were answered otherwise than is known."""
    values = {"corpus": corpus.pk, "label_class": label_class.pk if label_class else None, "days": days}
    return [Miss(*row) for row in _rows(GOLD, values | {"most": MOST_MISSED}, **MISSED)]


def agreement_on(label_class: LabelClass) -> Agreement:
    """How alike the blind second looks at one class are to what was said before them."""
    values = {"corpus": label_class.corpus_id, "label_class": label_class.pk, "days": None}
    return _agreement((first, second) for _, first, _, second in _rows(PAIRS, values))


def _rows(sql: str, values: dict[str, Any], *, more: str = "", only: str = "") -> list[tuple[Any, ...]]:
    """Of a statement of this module; nothing a client sent is in its text."""
    parts = {
        "scope": SCOPE,
        "more": more,
        "only": only,
        "pause": PAUSE_SECONDS,
        "at": AT.format(said="said"),
        "is_keyed": IS_KEYED.format(said="said"),
        "said_stands": STANDS.format(said="said"),
        "paced_stands": STANDS.format(said="paced"),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.format(**parts), values)
        return list(cursor.fetchall())


def _person(
    row: tuple[Any, ...], pairs: Sequence[tuple[Any, ...]], gold: Sequence[tuple[Any, ...]]
) -> Person:
    name, decisions, items, accepted, rejected, unsure, undone, paced, minutes, last_at = row
    others = [(first, second) for _, first, who, second in pairs if who == name]
    others += [(second, first) for who, first, _, second in pairs if who == name]
    known = [(expected, said) for who, expected, said in gold if who == name]
    return Person(
        name=name,
        decisions=decisions,
        items=int(items),
        accepted=accepted,
        rejected=rejected,
        unsure=unsure,
        undone=undone,
        accept_share=accepted / decisions,
        active_minutes=minutes,
        per_minute=paced / minutes if minutes > 0 else None,
        last_at=last_at.isoformat(),
        gold=proportion(sum(expected == said for expected, said in known), len(known)),
        agreement=_agreement(others),
        confusion=confusion([*others, *known], ANSWERS).tolist(),
    )


def _pairs(pairs: Sequence[tuple[Any, ...]]) -> list[Pair]:
    of_two: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one, first, other, second in pairs:
        key, answers = ((one, other), (first, second)) if one < other else ((other, one), (second, first))
        of_two.setdefault(key, []).append(answers)
    return [Pair(*key, _agreement(answers)) for key, answers in sorted(of_two.items())]


def _agreement(pairs: Iterable[tuple[str, str]]) -> Agreement:
    found = cohen_kappa(np.asarray(confusion(pairs, ANSWERS)))
    low, high = found.low, found.high
    if low is not None and high is not None and high - low < NO_WIDTH:
        low = high = None
    return Agreement(proportion(found.agreed, found.num_pairs), found.value, low, high)


def describe_error(error: SourceError) -> Derived:
    """What checks of one source came to, as it travels."""
    return Derived(error.source, error.name, proportion(error.wrong, error.checked), error.is_off)


def proportion(hits: int, num: int) -> Proportion:
    """With the exact interval of Clopper and Pearson."""
    low, high = clopper_pearson(hits, num)
    return Proportion(hits, num, hits / num if num else None, low, high)
