"""What of a ranking one annotator is served: nobody else's tiles, and some blind looks among them."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import SystemRandom
from typing import TYPE_CHECKING

from labeling.models import CurrentVerdict, LabelClass
from labeling.services.derivation import items_off, sources_off
from labeling.services.due_looks import take_looks
from labeling.services.leases import claim_tiles, held_by_others, release_page
from labeling.services.tiles import Shown
from sisyphus_web.accounts.models import Membership, Role

if TYPE_CHECKING:
    from labeling.services.rounds import Page

UNDECIDED = {"untouched", "weak"}
ANSWERS = {"untouched": "", "weak": "", "unsure": "unsure", "accept": "accept", "reject": "reject"}
MOST_ASKED = 500  # rows of the ranking asked for at a time, to fill a page from further down
ASK_LIMIT = 12  # times; beyond it the page is short
NOT_NARROWING = {
    "states",
    "min_similarity",
}  # with another filter, a look at something else would stand out
SMALLEST_MIXED = 20  # tiles of a page that looks are mixed into

_random = SystemRandom()


def serve(page: Page, candidates: Sequence[Shown]) -> list[Shown]:
    """The page as this annotator gets it; the last hook, since what it lets through is leased.

    What somebody else has in front of them is left out, and what was answered since the ranking was made;
    the page is filled from further down. What is shown is held for 90 s, or until it is answered or the
    same browser page shows another ranking. A preview holds nothing. Viewers see everything.
    """
    label_class = page.query.label_class
    states = set(page.query.filters.get("states") or UNDECIDED)
    if label_class is None or not states & UNDECIDED or not _may_answer(page):
        return list(candidates)
    looks = _looks(page, label_class, len(candidates))
    wanted = page.request.k - len(looks)
    shown, num_held = _free(page, label_class, candidates, wanted, {ANSWERS[state] for state in states})
    if num_held:
        page.notes.append(f"{num_held:,} better ones are in front of others now; they are left out here.")
    return _mixed(_frame_by_frame(page, shown), looks)


def _free(
    page: Page, label_class: LabelClass, candidates: Sequence[Shown], wanted: int, answers: set[str]
) -> tuple[list[Shown], int]:
    """Up to `wanted` tiles that are this annotator's now, and how many were somebody else's."""
    request, by = page.request, page.by
    others = held_by_others(label_class, by=by)
    free: list[Shown] = []
    num_held, offset, asked = 0, request.offset, request.k
    for _ in range(ASK_LIMIT):
        offset += asked  # a place is kept by what was decided since: a page may hold fewer than asked for
        open_ones = [each for each in candidates if tile_of(each) not in others]
        if others or request.is_preview:
            num_held += len(candidates) - len(open_ones)
        open_ones = open_ones[: wanted - len(free)]
        if not request.is_preview:
            had = claim_tiles(label_class, {tile_of(each) for each in open_ones}, by=by, page=request.page)
            open_ones = [each for each in open_ones if tile_of(each) in had]
        free += _still_open(label_class, open_ones, answers)
        if len(free) >= wanted or offset >= page.total:
            break
        asked = min(MOST_ASKED, max(request.k, len(others)))
        candidates = page.more(offset, asked)
    if request.offset == 0 and not request.is_preview:
        kept = {tile_of(each) for each in free}
        release_page(label_class, by=by, page=request.page, keep=kept)
    return free, num_held


def tile_of(shown: Shown) -> int:
    """The name of its tile in leases: the stack, or minus the item where it is in none."""
    return shown.stack or -shown.item


def _still_open(label_class: LabelClass, shown: Sequence[Shown], answers: set[str]) -> list[Shown]:
    """Without those answered since the ranking was made; asked once they are held, so that none slips by."""
    items = [each.item for each in shown]
    decided = CurrentVerdict.objects.filter(label_class=label_class, item__in=items).exclude(
        answer__in=answers
    )
    gone = set(decided.values_list("item", flat=True))
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


def _looks(page: Page, label_class: LabelClass, num_tiles: int) -> list[Shown]:
    is_narrowed = set(page.query.filters) - NOT_NARROWING
    if is_narrowed or page.request.k < SMALLEST_MIXED or page.request.offset:
        return []
    return take_looks(label_class, by=page.by, num_tiles=max(num_tiles, SMALLEST_MIXED))


def _mixed(shown: list[Shown], looks: list[Shown]) -> list[Shown]:
    """Each look somewhere, with the rank, similarity and reason of the tile it comes before."""
    mixed = list(shown)
    for look in looks:
        at = _random.randrange(len(mixed) + 1)
        if mixed:
            beside = mixed[min(at, len(mixed) - 1)]
            look = look._replace(rank=beside.rank, similarity=beside.similarity, why=beside.why)
        mixed.insert(at, look)
    return mixed


def _may_answer(page: Page) -> bool:
    mine = Membership.objects.filter(corpus=page.corpus, user=page.by)
    return mine.filter(role__in=[Role.ANNOTATOR, Role.MANAGER]).exists()
