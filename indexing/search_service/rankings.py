"""Rankings that people page through: each round of each person has its own order, whatever others do."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from indexing.compute.engine import Ranking
from indexing.compute.residents import Resident
from indexing.search import Calibration

KEPT_SECONDS = 4 * 3600.0  # since a page was last asked for
KEPT_RANKINGS = 1024
KEPT_BYTES = 128 * 2**20  # of all together; some KB each, unless much was decided or a filter is narrow
KEPT_AT_LEAST = 8


@dataclass(slots=True)
class Kept:
    """The ranking of one question in one round."""

    of: Hashable  # the corpus and unit that it ranks
    ranking: Ranking
    blend: float | None
    is_model: bool = False
    calibration: Calibration | None = None
    mix: dict[str, float] = field(default_factory=dict)  # the shares in effect
    notes: list[str] = field(default_factory=list)
    used_at: float = 0.0


class Rankings:
    """What was asked last stays longest. Safe for threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, bytes], Kept] = OrderedDict()  # by round and question
        self._lock = threading.Lock()

    def of(self, round_id: int | None, question: bytes) -> Kept | None:
        """The ranking of this question in this round, if there is one."""
        if round_id is None:
            return None
        with self._lock:
            kept = self._kept.get((round_id, question))
            if kept is not None:
                kept.used_at = time.monotonic()
                self._kept.move_to_end((round_id, question))
            return kept

    def keep(self, round_id: int, question: bytes, kept: Kept) -> None:
        """Keep the ranking; the one that was used longest ago goes when there are too many."""
        kept.used_at = time.monotonic()
        with self._lock:
            self._kept[round_id, question] = kept
            self._kept.move_to_end((round_id, question))
            if len(self._kept) > KEPT_RANKINGS:
                self._kept.popitem(last=False)

    def keep_up(self, served: Mapping[Hashable, Resident]) -> None:
        """Put rankings over the newest resident of what they rank: an older one would stay in memory.

        Those that cannot go on are let go, and what nobody has paged through for hours, and the oldest
        of what is too large. `served`: by what they rank.
        """
        limit = time.monotonic() - KEPT_SECONDS
        num_bytes = 0
        with self._lock:
            newest_first = list(reversed(self._kept.items()))
        for number, (key, kept) in enumerate(newest_first):
            resident = served.get(kept.of)
            num_bytes += kept.ranking.num_bytes
            is_large = num_bytes > KEPT_BYTES and number >= KEPT_AT_LEAST
            if resident is None or not can_go_on(kept.ranking, resident) or kept.used_at < limit or is_large:
                with self._lock:
                    if self._kept.get(key) is kept:
                        del self._kept[key]
            else:
                kept.ranking.move_to(resident)

    def __len__(self) -> int:
        return len(self._kept)


def can_go_on(ranking: Ranking, resident: Resident) -> bool:
    """Whether vectors of `resident` may be compared with the query of `ranking`."""
    old = ranking.resident
    return (old.encoder, old.width) == (resident.encoder, resident.width)
