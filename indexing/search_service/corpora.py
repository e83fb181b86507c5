"""Corpora in memory, kept up with PostgreSQL: features, builds, deletions, stacks, answers.

Nothing here is the only one of its kind: after a restart all of it is read again.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from django.db import connection

from indexing.compute.answers import Answers, Change, Weak
from indexing.compute.regions import Box
from indexing.compute.residents import NO_ITEMS, Items, Part, Resident
from indexing.compute.selections import prepare
from indexing.models import FeatureSet, Unit
from indexing.search_service import marks
from indexing.search_service.classifiers import Classifiers, NoClassifiers
from indexing.search_service.errors import Refusal
from indexing.search_service.holdings import Holding
from indexing.services.live_items import read_live_items

logger = logging.getLogger(__name__)
T = TypeVar("T")

NOT_SERVED = {  # the status of a unit without features
    "build": "",
    "encoder": "",
    "num_vectors": 0,
    "num_regions": 0,
    "num_delta": 0,
    "problem": "",
}
LOADED_AT_ONCE = 100_000  # vectors; up to here a query waits for new ones, some 0.1 s


class News(NamedTuple):
    """What a ledger has to say since it was last asked; None: nothing new."""

    changes: Iterable[tuple[int, int, str, bool]] | None  # item, class, answer ('' = none), is_derived
    weak: Iterable[tuple[int, int]] | None  # all (item, class) with a weak label that counts


class Ledger(Protocol):
    """The answers of one corpus, read by who knows them; indexing does not."""

    def news(self) -> News: ...

    def items_with(self, fact: str) -> list[int]:
        """Items of which the fact holds (verdict, weak, dispute), ascending."""
        ...

    def items_marked(self, mark: str, label_class: int, person: int | None) -> list[int]:
        """Items that are disputed in a class, or (later) that this person put off there."""
        ...

    def boxes(self, label_class: int, items: list[int]) -> dict[int, Box]:
        """Which part of these items their answers in a class are about; of those that were outlined."""
        ...

    def media_files_on(self, splits: list[str]) -> list[int]:
        """Media files that are on one of these sides of the split."""
        ...


class Followed:
    """One unit of a corpus. Its resident is replaced as a whole; queries go on with what they began with."""

    def __init__(
        self, corpus_id: int, ledger: Ledger, classifiers: Classifiers, unit: str = Unit.FRAME
    ) -> None:
        self.corpus_id, self.unit = corpus_id, str(unit)
        self.lock = threading.RLock()  # of answers, gone and the swap of the resident: never held over SQL
        self.answers = Answers()
        self.resident: Resident | None = None
        self.gone: frozenset[int] = frozenset()  # items deleted since `resident` was made
        self.ledger, self.classifiers = ledger, classifiers
        self._reading = threading.Lock()  # of the ledger's reader
        self._questions = itertools.count(1)  # PostgreSQL was asked for marks so many times
        self._gone_as_of = 0  # the question that `gone` is the answer to
        self._loading = threading.Lock()  # of everything below: held as long as a million vectors take
        self._marks: marks.Marks | None = None
        self._item_marks: tuple[object, ...] = ()
        self._items_read_at = datetime.now(UTC)
        self._placing_seconds = 0.0
        self._whole = Holding(has_regions=False)
        self._tiles: Holding | None = None  # None: the corpus has no region index

    def sync(self, *, wait: bool = False) -> Resident:
        """Answers and deletions committed before this call are in what comes back; Refusal without features.

        So are new vectors and builds with `wait`, and in a small corpus; in a large one the thread that
        keeps corpora current brings them a moment later.
        """
        question = next(self._questions)
        read = marks.marks_of(self.corpus_id, self.unit, self._items_read_at)
        if read is None:
            raise self._nothing()
        seen, gone = read
        resident, known = self.resident, self._marks
        is_other = resident is None or known is None or known.feature_set != seen.feature_set
        if is_other or (seen != known and (wait or len(resident.item_ids) <= LOADED_AT_ONCE)):  # type: ignore[union-attr]
            with self._loading:
                if self.resident is None or seen != self._marks:
                    self._load(seen)
        with self._reading:
            news = self.ledger.news()
            with self.lock:
                if self.resident is None:
                    raise self._nothing()
                if question > self._gone_as_of:  # else another thread asked later, and knows as much
                    self.gone, self._gone_as_of = gone, question
                if news.changes is not None:
                    self.answers.apply(map(Change._make, news.changes))
                if news.weak is not None:
                    self.answers.set_weak(map(Weak._make, news.weak))
                return self.resident

    def _nothing(self) -> Refusal:
        what = "features of clips" if self.unit == Unit.CLIP else "features"
        return Refusal("no-features", f"This corpus has no {what} yet.", status=409)

    def tidy(self) -> None:
        """What no query waits for: new stacks, deleted items out of memory, restored ones back in."""
        with self._loading:
            if self.resident is None or self._marks is None:
                return
            # In a large corpus that changes all the time, at most a fifth of the time goes into this.
            resting = (datetime.now(UTC) - self._items_read_at).total_seconds() < 5 * self._placing_seconds
            if not resting and marks.item_marks(self.corpus_id) != self._item_marks:
                self._place(self.resident.parts, self._marks, self._read_items())

    def gone_rows(self, resident: Resident) -> np.ndarray:
        """Rows of items deleted since `resident` was made."""
        rows, _ = resident.all_rows_of(np.array(sorted(self.gone), np.int64))
        return np.sort(rows)

    @property
    def problem(self) -> str:
        """Why a published build is not the one in use; empty: it is."""
        return next((each.problem for each in self._holdings if each.problem), "")

    @property
    def _holdings(self) -> list[Holding]:
        """Whole items first: the first row of an item is its whole."""
        tiles = self._tiles
        return [self._whole] if tiles is None else [self._whole, tiles]

    def status(self) -> dict[str, Any]:
        """How this corpus is served."""
        resident = self.resident
        num_vectors = len(resident.item_ids) if resident else 0
        return {
            "build": self._whole.build_id,
            "encoder": resident.encoder if resident else "",
            "num_vectors": num_vectors,
            "num_regions": num_vectors - resident.num_whole if resident else 0,
            "num_delta": sum(each.num_delta for each in self._holdings),
            "problem": self.problem,
        }

    def _load(self, seen: marks.Marks) -> None:
        """Bring the parts to what `seen` says: builds, then the shards that are not in them."""
        feature_set = FeatureSet.objects.get(pk=seen.feature_set)
        reading = _in_thread(self._read_items)  # a second for a million, as long as it takes to check a build
        self._whole.load(feature_set, seen.build)
        if seen.has_regions:
            self._tiles = self._tiles or Holding(has_regions=True)
            self._tiles.load(feature_set, seen.region_build)
        else:
            self._tiles = None  # out of memory; its files stay
        parts = tuple(part for each in self._holdings for part in each.parts)
        self._place(parts, seen, reading.result())
        self._marks = seen

    def _read_items(self) -> _ItemsRead:
        begun, clock = datetime.now(UTC), time.perf_counter()
        item_marks = marks.item_marks(self.corpus_id)  # before the items: what comes between is read again
        items = Items(*read_live_items(self.corpus_id, self.unit))
        return _ItemsRead(items, item_marks, begun, time.perf_counter() - clock)

    def _place(self, parts: tuple[Part, ...], seen: marks.Marks, read: _ItemsRead) -> None:
        """Make a new resident of `parts` and of the items as they were read."""
        clock = time.perf_counter()
        items = read.items if parts else NO_ITEMS
        resident = prepare(Resident(parts, items, seen.encoder, seen.width, self._whole.build_id))
        with self.lock:
            self.resident, self._items_read_at, self.gone = resident, read.begun, frozenset()
        self._item_marks = read.item_marks
        self._placing_seconds = read.seconds + time.perf_counter() - clock


class _ItemsRead(NamedTuple):
    """The items of a corpus at one moment."""

    items: Items
    item_marks: tuple[object, ...]
    begun: datetime
    seconds: float


class Corpora:
    """Every corpus with features; a thread keeps them warm, a query makes its own current."""

    def __init__(
        self,
        ledger_of: Callable[[int], Ledger],
        classifiers_of: Callable[[int], Classifiers] = NoClassifiers,
    ) -> None:
        self._ledger_of, self._classifiers_of = ledger_of, classifiers_of
        self._followed: dict[tuple[int, str], Followed] = {}
        self._lock = threading.Lock()

    def followed(self, corpus_id: int, unit: str = Unit.FRAME) -> Followed:
        """A unit of the corpus, known from now on."""
        key = (corpus_id, str(unit))
        with self._lock:
            if key not in self._followed:
                self._followed[key] = Followed(
                    corpus_id, self._ledger_of(corpus_id), self._classifiers_of(corpus_id), unit
                )
            return self._followed[key]

    def refresh(self) -> None:
        """Load what is new in every corpus, so that no query waits for it; forget those without features."""
        wanted = marks.corpora_with_features()
        with self._lock:
            for key in self._followed.keys() - set(wanted):
                del self._followed[key]
        for corpus_id, unit in wanted:
            followed = self.followed(corpus_id, unit)
            begun = time.perf_counter()
            is_new = followed.resident is None
            followed.sync(wait=True)
            followed.tidy()
            if is_new:
                took = time.perf_counter() - begun
                held = followed.status()
                logger.info(
                    "corpus %s, %ss: %s vectors in %.2f s", corpus_id, unit, held["num_vectors"], took
                )

    def all(self) -> list[Followed]:
        """Every corpus that is known."""
        with self._lock:
            return list(self._followed.values())

    def status(self) -> dict[str, Any]:
        """By corpus: how its frames are served, and under `clips` its clips, where it has them."""
        with self._lock:
            known = sorted(self._followed.items(), key=lambda each: (each[0][0], each[0][1] == Unit.CLIP))
        found: dict[str, Any] = {}
        for (corpus_id, unit), each in known:
            if unit == Unit.CLIP:
                found.setdefault(str(corpus_id), NOT_SERVED.copy())["clips"] = each.status()
            else:
                found[str(corpus_id)] = each.status()
        return found


def _in_thread(work: Callable[[], T]) -> Future[T]:
    """What `work` gives, from a thread with a database connection of its own for as long as it takes."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)
        finally:
            connection.close()

    threading.Thread(target=run, daemon=True).start()
    return result
