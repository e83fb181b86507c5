"""What of a ranking one annotator is served: nobody else's tiles, and some blind looks among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from labeling.models import LabelClass
from labeling.services.blending import lot_of, similarity_between
from labeling.services.derivation import items_off, sources_off
from labeling.services.due_looks import take_looks
from labeling.services.leases import HELD, claim_tiles, release_page
from labeling.services.tiles import Shown
from sisyphus_web.accounts.models import Role, User

if TYPE_CHECKING:
    from labeling.services.rounds import Page

UNDECIDED = {"untouched", "weak"}
ANSWERS = {  # state -> the answers that are in it
    "untouched": {""},
    "weak": {""},
    "later": {""},
    "unsure": {"unsure"},
    "accept": {"accept"},
    "reject": {"reject"},
    "disputed": {"", "accept", "reject", "unsure"},
}
MOST_ASKED = 500  # rows of the ranking asked for at a time, to fill a page from further down
ASK_LIMIT = 12  # times; beyond it the page is short
NOT_NARROWING = {
    "states",
    "min_similarity",
}  # with another filter, a look at something else would stand out
SMALLEST_MIXED = 20  # tiles of a page that looks are mixed into

AROUND = f"""
    SELECT EXISTS (
               SELECT FROM accounts_membership
               WHERE corpus_id = %(corpus)s AND user_id = %(annotator)s AND role = ANY(%(roles)s)
           ),
           EXISTS (SELECT FROM labeling_blindlook WHERE label_class_id = %(label_class)s),
           EXISTS (SELECT FROM labeling_goldanswer WHERE label_class_id = %(label_class)s),
           ARRAY({HELD})
"""  # noqa: S608 - our own text
ANSWERED_SINCE = """
    SELECT item_id FROM labeling_currentverdict
    WHERE label_class_id = %s AND item_id = ANY(%s) AND NOT answer = ANY(%s)
"""


class Around(NamedTuple):
    """What a page of a class depends on besides its ranking."""

    may_answer: bool
    has_looks: bool
    has_gold: bool
    held: frozenset[int]  # tiles that somebody else has in front of them


def look_around(label_class: LabelClass, *, by: User) -> Around:
    """In one statement, since every page asks."""
    values: dict[str, Any] = {
        "corpus": label_class.corpus_id,
        "label_class": label_class.pk,
        "annotator": by.pk,
        "roles": [Role.ANNOTATOR.value, Role.MANAGER.value],
    }
    with connection.cursor() as cursor:
        cursor.execute(AROUND, values)
        may_answer, has_looks, has_gold, held = cursor.fetchone()
    return Around(may_answer, has_looks, has_gold, frozenset(held))


def serve(page: Page, candidates: Sequence[Shown]) -> list[Shown]:
    """The page as this annotator gets it; the last hook, since what it lets through is leased.

    What somebody else has in front of them is left out, and what was answered since the ranking was made.
    A page grows by its looks. The first one is filled from further down; a later one may be short, since what
    it was filled with would come again on the next. What is shown is held for 90 s, or until it is answered
    or the same browser page shows another ranking. A preview holds nothing. Viewers see all.
    """
    label_class = page.query.label_class
    states = set(page.query.filters.get("states") or UNDECIDED)
    if label_class is None or not states & {*UNDECIDED, "later"}:
        return list(candidates)
    around = look_around(label_class, by=page.by)
    if not around.may_answer:
        return list(candidates)
    looks = _looks(page, label_class, len(candidates), around)
    answers = set().union(*(ANSWERS[state] for state in states))
    shown, num_held = _free(page, label_class, candidates, page.request.k, answers, others=around.held)
    if num_held:
        page.notes.append(f"{num_held:,} better ones are in front of others now; they are left out here.")
    return _frame_by_frame(page, _mixed(shown, looks, by=page.by.pk))


def _free(
    page: Page,
    label_class: LabelClass,
    candidates: Sequence[Shown],
    wanted: int,
    answers: set[str],
    *,
    others: frozenset[int],
) -> tuple[list[Shown], int]:
    """Up to `wanted` tiles that are this annotator's now, and how many were somebody else's."""
    request, by = page.request, page.by
    free: list[Shown] = []
    num_held, offset, asked = 0, request.offset, request.k
    instead = request.offset == 0  # a first page: what this browser page held before it lets go
    is_any_gone = False
    for _ in range(ASK_LIMIT):
        offset += asked  # a place is kept by what was decided since: a page may hold fewer than asked for
        open_ones = [each for each in candidates if tile_of(each) not in others]
        if others or request.is_preview:
            num_held += len(candidates) - len(open_ones)
        open_ones = open_ones[: wanted - len(free)]
        if not request.is_preview:
            tiles = {tile_of(each) for each in open_ones}
            had = claim_tiles(label_class, tiles, by=by, page=request.page, instead=instead)
            instead = False
            open_ones = [each for each in open_ones if tile_of(each) in had]
        still_open = _still_open(label_class, open_ones, answers)
        is_any_gone |= len(still_open) < len(open_ones)
        free += still_open
        if len(free) >= wanted or offset >= page.total or request.offset:
            break
        asked = min(MOST_ASKED, max(request.k, len(others)))
        candidates = page.more(offset, asked)
    if is_any_gone and request.offset == 0 and not request.is_preview:
        release_page(label_class, by=by, page=request.page, keep={tile_of(each) for each in free})
    return free, num_held


def tile_of(shown: Shown) -> int:
    """The name of its tile in leases: the stack, or minus the item where it is in none."""
    return shown.stack or -shown.item


def _still_open(label_class: LabelClass, shown: Sequence[Shown], answers: set[str]) -> list[Shown]:
    """Without those answered since the ranking was made; asked once they are held, so that none slips by."""
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED_SINCE, [label_class.pk, [each.item for each in shown], list(answers)])
        gone = {item for (item,) in cursor.fetchall()}
    return [each for each in shown if each.item not in gone]


def _frame_by_frame(page: Page, shown: Sequence[Shown]) -> list[Shown]:
    """Stacks of a source where too much was derived wrongly are shown as the one frame that is answered."""
    off = items_off(page.corpus, [each.item for each in shown if each.stack is not None])
    if not off:
        return list(shown)
    names = ", ".join(sorted(name or "the uploads" for name in sources_off(page.corpus).values()))
    page.notes.append(
        f"Stacks of {names} are answered frame by frame: more than 1 % of what was derived there was wrong."
    )
    return [each._replace(count=1) if each.item in off else each for each in shown]


def _looks(page: Page, label_class: LabelClass, num_tiles: int, around: Around) -> list[Shown]:
    is_narrowed = set(page.query.filters) - NOT_NARROWING
    if is_narrowed or page.request.k < SMALLEST_MIXED:
        return []
    return take_looks(
        label_class,
        by=page.by,
        num_tiles=max(num_tiles, SMALLEST_MIXED),
        has_looks=around.has_looks,
        has_gold=around.has_gold,
        unit=page.query.unit,
        is_further=page.request.offset > 0,
    )


def _mixed(shown: Sequence[Shown], looks: Sequence[Shown], *, by: int) -> list[Shown]:
    """Each look at a place of its own, with what the tiles that it stands between have in common."""
    mixed = list(shown)
    for look in looks:
        at = int(lot_of("place", look.item, by) * (len(mixed) + 1))
        if mixed:
            before, after = mixed[max(at - 1, 0)], mixed[min(at, len(mixed) - 1)]
            similarity = similarity_between(before.similarity, after.similarity, lot_of(look.item, by))
            rank = after.rank if at < len(mixed) else before.rank + 1
            look = look._replace(rank=rank, similarity=similarity, why=after.why)
        mixed[at:] = [look, *(each._replace(rank=each.rank + 1) for each in mixed[at:])]
    return mixed
