"""The answers a classifier is trained and judged with, and what a training refuses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from training.compute.refusals import TrainingRefused

ACCEPT, REJECT, UNKNOWN = 1, 0, -1
SIDES = ("train", "val", "test")
KINDS = ("multi_label", "multi_class")


class AnswersRefused(TrainingRefused):
    """Answers or features that cannot train or judge a classifier: one code for each kind."""

    code = "answers-refused"

    def __init__(self, sentence: str) -> None:
        super().__init__(type(self).code, sentence)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:  # type: ignore[override]
        return type(self), (self.sentence,)


class NoClasses(AnswersRefused):
    """There is no label class to learn."""

    code = "no-classes"


class NoAnswers(AnswersRefused):
    """A side has no answers at all."""

    code = "no-answers"


class NoPositives(AnswersRefused):
    """A class has no accepted example on a side that needs one."""

    code = "no-positives"


class NoNegatives(AnswersRefused):
    """A class has nothing but accepted examples on a side that needs others."""

    code = "no-negatives"


class OneClassOnly(AnswersRefused):
    """A choice between classes is asked for, and all answers are of one."""

    code = "one-class-only"


class TwoClassesAccepted(AnswersRefused):
    """A choice between classes is asked for, and an item is accepted for several."""

    code = "two-classes-accepted"


class CrossingSplit(AnswersRefused):
    """A group has items on several sides."""

    code = "crossing-split"


class WidthMismatch(AnswersRefused):
    """Features are not as many, or not as wide, as they must be."""

    code = "width-mismatch"


class NotFinite(AnswersRefused):
    """A feature or a score is NaN or infinite."""

    code = "not-finite"


@dataclass(frozen=True, slots=True)
class AnswerTable:
    """What is known of N items and C classes; row i belongs to `item_ids[i]`, whose group is on one side."""

    item_ids: np.ndarray  # (N,) int64
    targets: np.ndarray  # (N, C) int8: ACCEPT, REJECT or UNKNOWN
    group_codes: np.ndarray  # (N,) int64: what must not be torn by a split
    source_codes: np.ndarray  # (N,) int64: what results are shown apart for, such as a camera
    sides: np.ndarray  # (N,) int8: the place in SIDES
    class_names: tuple[str, ...]  # C
    weights: np.ndarray = field(default=None)  # type: ignore[arg-type]  # (N, C) float32 >= 0; ones if left out

    def __post_init__(self) -> None:
        n, c = len(self.item_ids), len(self.class_names)
        if c == 0:
            raise NoClasses("there is no class to learn: choose at least one label class")
        if self.weights is None:
            object.__setattr__(self, "weights", np.broadcast_to(np.float32(1), (n, c)))
        wanted = {
            "item_ids": ((n,), np.int64),
            "targets": ((n, c), np.int8),
            "group_codes": ((n,), np.int64),
            "source_codes": ((n,), np.int64),
            "sides": ((n,), np.int8),
            "weights": ((n, c), np.float32),
        }
        for name, (shape, dtype) in wanted.items():
            got = getattr(self, name)
            if got.shape != shape or got.dtype != dtype:
                raise WidthMismatch(f"{name} must be {shape} {np.dtype(dtype)}, got {got.shape} {got.dtype}")
        if n and not (self.targets.min() >= -1 and self.targets.max() <= 1):
            raise ValueError("targets must be 1 (accept), 0 (reject) or -1 (not known)")
        if n and not (self.sides.min() >= 0 and self.sides.max() < len(SIDES)):
            raise ValueError("sides must be 0 (train), 1 (val) or 2 (test)")
        if not (np.isfinite(self.weights).all() and (self.weights >= 0).all()):
            raise NotFinite("weights of answers must be finite and at least 0")
        if (crossing := self._crossing_groups()).size:
            raise CrossingSplit(
                f"{crossing.size} groups have items on several sides, such as group {crossing[0]}: "
                "split by group, so that near-identical items are never in train and test"
            )

    def __len__(self) -> int:
        return len(self.item_ids)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def side(self, name: str) -> AnswerTable:
        """The answers of one of SIDES, in their order."""
        return self.rows(self.rows_of(name))

    def rows_of(self, name: str) -> np.ndarray:
        """(n,) the places of the answers of one of SIDES, ascending."""
        if name not in SIDES:
            raise ValueError(f"side must be one of {', '.join(SIDES)}, got {name!r}")
        return np.flatnonzero(self.sides == SIDES.index(name))

    def rows(self, places: np.ndarray) -> AnswerTable:
        """The answers at `places` (n,), ints or a mask (N,)."""
        return replace(
            self,
            item_ids=self.item_ids[places],
            targets=self.targets[places],
            group_codes=self.group_codes[places],
            source_codes=self.source_codes[places],
            sides=self.sides[places],
            weights=self.weights[places],
        )

    def chosen(self) -> np.ndarray:
        """(N,) int64 the place of the one accepted class, -1 where none is; TwoClassesAccepted otherwise."""
        is_accepted = self.targets == ACCEPT
        num = is_accepted.sum(axis=1)
        if (several := np.flatnonzero(num > 1)).size:
            names = [self.class_names[at] for at in np.flatnonzero(is_accepted[several[0]])]
            raise TwoClassesAccepted(
                f"{several.size} items are accepted for several classes, such as item "
                f"{self.item_ids[several[0]]} ({', '.join(names)}): train one classifier with several "
                "labels, or decide for one class each"
            )
        result: np.ndarray = np.where(num == 1, is_accepted.argmax(axis=1), -1)
        return result

    def _crossing_groups(self) -> np.ndarray:
        pairs = np.unique(np.stack([self.group_codes, self.sides.astype(np.int64)]), axis=1)
        groups, num = np.unique(pairs[0], return_counts=True)
        return groups[num > 1]


def check_kind(kind: str) -> str:
    """`kind` itself; ValueError unless it is one of KINDS."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return kind


def check_features(features: np.ndarray, answers: AnswerTable, *, width: int | None = None) -> None:
    """WidthMismatch unless `features` are (N, D) numbers, a row for each answer (and D is `width`)."""
    if features.ndim != 2 or len(features) != len(answers) or features.dtype.kind != "f":
        raise WidthMismatch(
            f"features must be ({len(answers)}, D) floats, a row for each answer, "
            f"got {features.shape} {features.dtype}"
        )
    check_width(features, width if width is not None else features.shape[1])


def check_width(features: np.ndarray, width: int) -> None:
    """WidthMismatch unless `features` are (N, width), of at least one column."""
    if features.ndim != 2 or features.shape[1] != width or width == 0:
        raise WidthMismatch(
            f"features must be (N, {width or 'at least 1'}), got {features.shape}: "
            "use the encoder that the classifier was trained with"
        )


def check_trainable(answers: AnswerTable, kind: str, *, side: str = "train") -> None:
    """Refuse answers that teach nothing on `side`: empty, one class only, or a class without either kind."""
    check_kind(kind)
    part = answers.side(side)
    if not (part.targets != UNKNOWN).any():
        raise NoAnswers(f"the {side} side has no answers: accept and reject some items first")
    is_accepted = (part.targets == ACCEPT) & (part.weights > 0)
    if kind == "multi_class":
        num_of = np.bincount(part.chosen() + 1, minlength=answers.num_classes + 1)[1:]
        if (num_of > 0).sum() < 2:
            raise OneClassOnly(
                f"all answers of the {side} side are of one class: a choice needs examples of at least two; "
                "add a class, or train with several labels, where rejects are the other side"
            )
        is_lacking = num_of == 0
    else:
        is_lacking = ~is_accepted.any(axis=0)
    if is_lacking.any():
        raise NoPositives(
            f"{_named(answers, is_lacking)} on the {side} side has no accepted example: "
            "accept some, of several media files, or leave the class out"
        )
    if kind == "multi_label":
        is_rejected = (part.targets == REJECT) & (part.weights > 0)
        if (lacking := ~is_rejected.any(axis=0)).any():
            instead = ", or have an item be of one class: then it is an example against the others"
            raise NoNegatives(
                f"{_named(answers, lacking)} on the {side} side has no rejected example: "
                f"reject some neighbors{instead if len(answers.class_names) > 1 else ''}"
            )


def _named(answers: AnswerTable, mask: np.ndarray) -> str:
    names = [answers.class_names[at] for at in np.flatnonzero(mask)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"class {', '.join(names[:3])}{more}"
