"""Which side a media file is on: whole groups, by a hash, for ever.

A group is what must not be torn: media files joined by a stack (near-identical photos of several files).

The rule, in order:
1. A group none of whose files has a side yet gets one by the hash of its name and the seed.
2. A group with files of one side gives that side to the others.
3. Where a new stack has joined files of several sides, the part that was exported stays, since others
   already work with it; if none was, the part with the most files stays (of equals train, then val).
   The other files go with it.
4. Where parts of several sides were exported, nothing can move and nothing may cross: the part with the
   most files stays, the exported files of the other sides are left out.
5. A side with a share that has no accepted example of a class (train first) takes a new group that has
   one, the nearest by its hash, from the side that has most of them; for val and test only as long as
   that keeps one. The background, which is what was rejected, counts as a class here, the first.
6. A new group that somebody searched by is never in test: it goes to train instead. One that was in test
   before stays there; who freezes leaves out what was searched by.
"""

import hashlib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

SIDES = ("train", "val", "test")
BACKGROUND_CLASS = 0  # no label class has this id


@dataclass(frozen=True, slots=True)
class Media:
    """A media file as the plan needs it."""

    id: int
    sha256: str
    side: str = ""  # '' = none yet
    is_exported: bool = False  # on that side
    accepted: frozenset[int] = frozenset()  # classes it has an accepted example of, or BACKGROUND_CLASS
    is_example: bool = False  # one of its items was searched by


@dataclass(slots=True)
class Plan:
    """The side and the group of every media file, but of those left out."""

    sides: dict[int, str] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=dict)  # media file -> name of its group
    left_out: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Group:
    name: str
    media: list[Media]
    position: float  # in [0, 1), by the hash
    side: str = ""
    is_new: bool = True

    @property
    def may_be_tested(self) -> bool:
        return not any(each.is_example for each in self.media)


def plan_splits(
    media: Sequence[Media],
    links: Iterable[tuple[Hashable, int]],
    *,
    val_share: float,
    test_share: float,
    seed: int,
) -> Plan:
    """The sides of `media` by the rule above; `links` are (stack or place, media file), in any order.

    The same media, links and seed give the same plan, in whatever order they come.
    """
    if not (0 <= val_share < 1 and 0 <= test_share < 1 and val_share + test_share < 1):
        raise ValueError(f"val and test are shares that leave some for train, got {val_share}, {test_share}")
    plan = Plan()
    groups = [_group(members, seed) for members in _joined(media, links)]
    groups.sort(key=lambda group: (group.position, group.name))
    for group in groups:
        _settle(group, plan, val_share=val_share, test_share=test_share)
    for side, share in (("train", 1.0), ("val", val_share), ("test", test_share)):
        if share > 0:
            _fill(side, groups)
    for group in groups:
        for each in group.media:
            plan.groups[each.id] = group.name
            if each.id not in plan.left_out:
                plan.sides[each.id] = group.side
    return plan


def _joined(media: Sequence[Media], links: Iterable[tuple[Hashable, int]]) -> list[list[Media]]:
    """The media files, those joined by stacks together (union-find)."""
    parent = {each.id: each.id for each in media}

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    first_of: dict[Hashable, int] = {}
    for stack, media_file in links:
        if media_file in parent:
            parent[root(media_file)] = root(first_of.setdefault(stack, media_file))
    joined: dict[int, list[Media]] = {}
    for each in media:
        joined.setdefault(root(each.id), []).append(each)
    return list(joined.values())


def _group(members: list[Media], seed: int) -> _Group:
    name = min(each.sha256 for each in members)
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return _Group(name, members, int.from_bytes(digest[:8], "big") / 2**64)


def _settle(group: _Group, plan: Plan, *, val_share: float, test_share: float) -> None:
    files = {side: sum(each.side == side for each in group.media) for side in SIDES}
    taken = [side for side in SIDES if files[side]]
    if not taken:
        is_val = test_share <= group.position < test_share + val_share
        is_test = group.position < test_share and group.may_be_tested
        group.side = "test" if is_test else "val" if is_val else "train"
        return
    group.is_new = False
    exported = [side for side in taken if any(each.is_exported for each in group.media if each.side == side)]
    group.side = max(exported or taken, key=lambda side: files[side])
    plan.left_out |= {each.id for each in group.media if each.is_exported and each.side != group.side}


def _fill(side: str, groups: Sequence[_Group]) -> None:
    """Rule 5, for groups in order of their positions: test, val, train."""
    for label_class in sorted({each for group in groups for media in group.media for each in media.accepted}):
        having = [group for group in groups if any(label_class in media.accepted for media in group.media)]
        sides = [group.side for group in having]
        giver = max(SIDES, key=sides.count)
        new = [group for group in having if group.is_new and group.side == giver]
        if side == "test":
            new = [group for group in new if group.may_be_tested]
        if side not in sides and new and (sides.count(giver) > 1 or side == "train"):
            nearest = new[-1] if side == "train" else new[0]
            nearest.side = side
