"""Rankings that people page through: each round of each person has its own order, whatever others do."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from indexing.compute.engine import Ranking
from indexing.compute.residents import Resident

KEPT_SECONDS = 4 * 3600.0  # since a page was last asked for
KEPT_BYTES = 128 * 2**20  # of all together; some KB each, unless much was decided or a filter is narrow
KEPT_AT_LEAST = 8


@dataclass(slots=True)
class Kept:
    """The ranking of one question in one round."""

    corpus: int
    ranking: Ranking
    blend: float | None
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
        """Keep the ranking; the one that was used longest ago goes when all together are too large."""
        kept.used_at = time.monotonic()
        with self._lock:
            self._kept[round_id, question] = kept
            self._kept.move_to_end((round_id, question))
            total = sum(each.ranking.num_bytes for each in self._kept.values())
            while total > KEPT_BYTES and len(self._kept) > KEPT_AT_LEAST:
                _, oldest = self._kept.popitem(last=False)
                total -= oldest.ranking.num_bytes

    def forget_old(self) -> None:
        """Let go what nobody has paged through for hours."""
        limit = time.monotonic() - KEPT_SECONDS
        with self._lock:
            for key in [key for key, kept in self._kept.items() if kept.used_at < limit]:
                del self._kept[key]

    def move_to(self, corpus_id: int, resident: Resident) -> None:
        """Put this corpus's rankings over its newest resident: an older one would stay in memory for them."""
        with self._lock:
            of_corpus = [kept for kept in self._kept.values() if kept.corpus == corpus_id]
        for kept in of_corpus:
            if can_go_on(kept.ranking, resident):
                kept.ranking.move_to(resident)

    def __len__(self) -> int:
        return len(self._kept)


def can_go_on(ranking: Ranking, resident: Resident) -> bool:
    """Whether vectors of `resident` may be compared with the query of `ranking`."""
    old = ranking.resident
    return (old.encoder, old.width) == (resident.encoder, resident.width)
