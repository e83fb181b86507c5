"""ImageFolder: a picture's folder is its class; `background` is rejected for every class there is."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import msgspec

from labeling.compute.export_writers.lines import BACKGROUND
from labeling.compute.imports.rows import PICTURES, ImportRefused, Row, named
from labeling.compute.imports.trees import Tree

SIDES = {"train", "val", "valid", "validation", "dev", "test"}
ABOUT = "dataset.json"


def image_folder_rows(tree: Tree) -> Iterator[Row]:
    """<side>/<class>/*, or <class>/*, also below one more folder; sides are not taken over."""
    pictures = [name for name in tree.names if name.lower().endswith(PICTURES)]
    if not pictures:
        raise ImportRefused("There is no picture in it.")
    above = len(_common_folder(pictures).parts)
    classes = {folder: name for name, folder in folders_said(tree).items()}
    placed = []
    for name in pictures:
        parts = PurePosixPath(name).parts[above:]
        if parts and parts[0].lower() in SIDES:
            parts = parts[1:]
        placed.append((name, parts[0] if len(parts) > 1 else "", "/".join(parts[1:])))
    known = sorted({folder for _, folder, _ in placed if folder} | classes.keys()) if placed else []
    known = [folder for folder in known if folder != BACKGROUND]
    for name, folder, rest in placed:
        if not folder:
            yield Row(name, problem="no-class", detail="The picture is in no folder of a class.")
            continue
        facts: dict[str, Any] = named(rest) | {"picture": name}
        if folder != BACKGROUND:
            yield Row(name, label_class=classes.get(folder, folder), **facts)
            continue
        for other in known:
            yield Row(name, label_class=classes.get(other, other), answer="reject", **facts)


def folders_said(tree: Tree) -> dict[str, str]:
    """Class -> folder, as our own dataset.json says it; nothing where there is none."""
    found = [name for name in tree.names if PurePosixPath(name).name == ABOUT]
    if not found:
        return {}
    try:
        about = msgspec.json.decode(tree.read(found[0]))
        return {str(name): str(folder) for name, folder in about["folders"].items()}
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, AttributeError):
        return {}  # somebody else's


def _common_folder(names: list[str]) -> PurePosixPath:
    """The folder that all are in, as far as it is none of a side or of a class."""
    parts = [PurePosixPath(name).parts[:-1] for name in names]
    common: list[str] = []
    for level in zip(*parts, strict=False):
        is_last = any(len(each) == len(common) + 1 for each in parts)
        if len(set(level)) > 1 or level[0].lower() in SIDES or is_last:
            break
        common.append(level[0])
    return PurePosixPath(*common)
