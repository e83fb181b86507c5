"""What a network is fine-tuned on: pictures with answers, on two sides."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.compute.pictures import PictureSource
from training.compute.refusals import TrainingRefused

SIDES = ("train", "val")


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and what was said of it."""

    source: PictureSource
    target: tuple[int, ...]  # (C,) 1 it is, 0 it is not, -1 not known; multi_class: one 1, the others 0
    side: str  # train or val
    name: str  # stable: it tells a resumed run that the examples are the same
    group: str = ""  # a video, a stack: wholly on one side; "" for a picture of its own


def targets_of(examples: Sequence[Example], num_classes: int) -> np.ndarray:
    """(N, C) int8; ValueError for a row of another width."""
    wrong = next((each for each in examples if len(each.target) != num_classes), None)
    if wrong is not None:
        raise ValueError(f"{wrong.name} has {len(wrong.target)} answers for {num_classes} classes")
    return np.array([each.target for each in examples], np.int8).reshape(len(examples), num_classes)


def check(examples: Sequence[Example], class_names: Sequence[str], kind: str) -> None:
    """TrainingRefused, with a sentence, for what cannot be learned from."""
    targets = targets_of(examples, len(class_names))
    sides = np.array([each.side for each in examples])
    if unknown := set(sides.tolist()) - set(SIDES):
        raise ValueError(f"side must be train or val, got {', '.join(sorted(unknown))}")
    if kind == "multi_class":
        if len(class_names) < 2:
            raise TrainingRefused(
                "one-class-only",
                f"There is only one class ({', '.join(class_names)}); give it a second one to tell it from.",
            )
        if ((targets == 1).sum(axis=1) != 1).any():
            raise ValueError("every example of a multi_class set is of exactly one class")
    for side in SIDES:
        if not (sides == side).any():
            raise TrainingRefused(f"no-{side}", f"There are no pictures in {side}.")
    _check_classes(targets[sides == "train"], class_names, kind)
    _check_groups(examples)


def _check_classes(targets: np.ndarray, class_names: Sequence[str], kind: str) -> None:
    for number, name in enumerate(class_names):
        if not (targets[:, number] == 1).any():
            raise TrainingRefused(
                "empty-class", f"The class {name} has no picture in train; add some, or leave the class out."
            )
        if kind == "multi_label" and not (targets[:, number] == 0).any():
            raise TrainingRefused(
                "no-negatives", f"The class {name} has no rejected picture in train; reject some first."
            )


def _check_groups(examples: Sequence[Example]) -> None:
    side_of: dict[str, str] = {}
    for each in examples:
        if each.group and side_of.setdefault(each.group, each.side) != each.side:
            raise TrainingRefused(
                "crossing-split",
                f"{each.group} is in train and in val: what is measured would be too good. Split by group.",
            )


def fingerprint(examples: Sequence[Example], class_names: Sequence[str]) -> str:
    """A sha256 of names, answers and sides: equal for the same set, and for no other."""
    digest = hashlib.sha256("\n".join(class_names).encode())
    for each in examples:
        digest.update(f"\0{each.name}\0{each.target}\0{each.side}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
