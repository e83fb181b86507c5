"""How likely each answer of a class is, judged by a model of the others; what the model is, others say."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from indexing.compute.answers import Said
from indexing.compute.residents import Resident
from indexing.search import Judged
from indexing.search_service.corpora import Corpora
from indexing.search_service.learning import MIN_MEDIA_FILES, rows_of_items

MAX_JUDGED = 10_000  # answers; of more, the same share of both kinds, evenly taken
MAX_KEPT = 8  # classes whose last judgement is kept for the next page

Probabilities = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


class JudgeRequest(msgspec.Struct, frozen=True):
    corpus: int
    label_class: int
    unit: str = "frame"


class Judge:
    """Judges the answers that count; an unchanged class is not judged twice."""

    def __init__(self, corpora: Corpora, probabilities: Probabilities) -> None:
        self.corpora = corpora
        self._probabilities = probabilities
        self._kept: dict[tuple[int, str], tuple[Resident, Said, Judged]] = {}

    def judged(self, request: JudgeRequest) -> Judged:
        """Of every item accepted or rejected by itself, with a feature: how likely "accept" is.

        Answers committed before the call count. Refusal without features.
        """
        followed = self.corpora.followed(request.corpus, request.unit)
        resident = followed.sync()
        with followed.lock:
            said = followed.answers.said_of(request.label_class, resident)
        key = (request.label_class, request.unit)
        kept = self._kept.get(key)
        if kept is not None and kept[0] is resident and kept[1] is said:
            return kept[2]
        answer = self._judged(resident, said)
        self._kept.pop(key, None)
        self._kept[key] = (resident, said, answer)
        while len(self._kept) > MAX_KEPT:
            self._kept.pop(next(iter(self._kept)), None)
        return answer

    def _judged(self, resident: Resident, said: Said) -> Judged:
        accepted, rejected = (
            rows_of_items(said.rows_with(answer), resident) for answer in ("accept", "reject")
        )
        rows = np.concatenate([accepted, rejected])
        is_accepted = np.repeat([True, False], [len(accepted), len(rejected)])
        is_live = resident.live[rows]
        rows, is_accepted = rows[is_live], is_accepted[is_live]
        if len(rows) > MAX_JUDGED:
            taken = np.linspace(0, len(rows) - 1, MAX_JUDGED).astype(np.int64)
            rows, is_accepted = rows[taken], is_accepted[taken]
        groups = resident.media_files[rows]
        if len(np.unique(groups)) < MIN_MEDIA_FILES:
            groups = resident.by_stack.codes[rows]
        found = self._probabilities(resident.vectors_of(rows), is_accepted, groups)
        return Judged(
            items=resident.item_ids[rows].tolist(),
            is_accepted=is_accepted.tolist(),
            probabilities=[None if np.isnan(each) else round(float(each), 4) for each in found],
        )
