"""Folders of pictures by class: DATASET/train/CLASS/* and DATASET/val/CLASS/*, class number = name order."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from indexing.compute.files import sha256_of
from indexing.compute.plain.whole_files import files_below
from training.compute.examples import SIDES, Example
from training.compute.refusals import TrainingRefused


class ImageFolder(NamedTuple):
    """The pictures of a dataset and the names of its classes."""

    class_names: tuple[str, ...]
    examples: list[Example]  # named side/class/file, a side after the other, each in order of name
    notices: list[str]


def read_image_folder(root: Path) -> ImageFolder:
    """Every file below the class folders of train and val; what they are is decided when they are read.

    TrainingRefused where train or val is missing, a class has no file, or val has a class that train has not.
    """
    notices: list[str] = []
    files: dict[str, dict[str, list[str]]] = {}
    for side in SIDES:
        folder = root / side
        if not folder.is_dir():
            raise TrainingRefused(
                f"no-{side}", f"{root} has no folder {side}; pictures are looked for in {folder}/CLASS."
            )
        names, unreadable = files_below(folder)
        notices += [f"{side}/{name}: {why}" for name, why in unreadable]
        classes = sorted(each.name for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")
        files[side] = {name: [] for name in classes}
        for name in names:
            class_name, slash, _ = name.partition("/")
            if slash:
                files[side][class_name].append(name)
            else:
                notices.append(f"{side}/{name} is in no class folder and was left out")
    class_names = tuple(files["train"])
    if unknown := [name for name in files["val"] if name not in class_names]:
        raise TrainingRefused(
            "unknown-class", f"val has the class {unknown[0]}, which train has not; classes are its folders."
        )
    if empty := [name for name, there in files["train"].items() if not there]:
        raise TrainingRefused(
            "empty-class", f"The class {empty[0]} has no file in train; add some, or delete its folder."
        )
    notices += [
        f"the class {name} has no picture in val" for name in class_names if not files["val"].get(name)
    ]
    twice = _in_both(root, files)
    if twice:
        more = f" and {len(twice) - 1} more" if len(twice) > 1 else ""
        notices.append(f"{twice[0]} is in train as well{more}: what is measured on val is too good")
    examples = [
        Example(root / side / name, one_of(class_names, class_name), side, f"{side}/{name}")
        for side in SIDES
        for class_name, there in files[side].items()
        for name in there
    ]
    return ImageFolder(class_names, examples, notices)


def _in_both(root: Path, files: dict[str, dict[str, list[str]]]) -> list[str]:
    """The files of val whose bytes are also those of a file of train; only equal sizes are compared."""
    by_size: dict[int, list[Path]] = {}
    for path in _paths(root, files, "train"):
        by_size.setdefault(path.stat().st_size, []).append(path)
    hashes: dict[Path, str] = {}

    def hash_of(path: Path) -> str:
        if path not in hashes:
            hashes[path] = sha256_of(path)
        return hashes[path]

    return [
        str(path.relative_to(root))
        for path in _paths(root, files, "val")
        if any(hash_of(path) == hash_of(other) for other in by_size.get(path.stat().st_size, []))
    ]


def _paths(root: Path, files: dict[str, dict[str, list[str]]], side: str) -> Iterator[Path]:
    for names in files[side].values():
        for name in names:
            path = root / side / name
            if path.is_file() and os.access(path, os.R_OK):
                yield path


def one_of(class_names: tuple[str, ...], name: str) -> tuple[int, ...]:
    """(b,) of (a, b, c) -> (0, 1, 0)"""
    return tuple(int(each == name) for each in class_names)
