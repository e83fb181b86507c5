"""Which reader reads which format, and which format a tree looks like."""

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from labeling.compute.imports.activitynet import activitynet_rows
from labeling.compute.imports.coco import coco_rows
from labeling.compute.imports.image_folder import image_folder_rows
from labeling.compute.imports.rows import PICTURES, ImportRefused, Row
from labeling.compute.imports.tables import csv_rows, jsonl_rows, parquet_rows
from labeling.compute.imports.trees import Tree
from labeling.compute.imports.voc import voc_rows
from labeling.compute.imports.yolo import yolo_rows

READERS: dict[str, Callable[[Tree], Iterator[Row]]] = {
    "image_folder": image_folder_rows,
    "coco": coco_rows,
    "yolo": yolo_rows,
    "voc": voc_rows,
    "csv": csv_rows,
    "jsonl": jsonl_rows,
    "parquet": parquet_rows,
    "activitynet": activitynet_rows,
}
HEAD_BYTES = 1 << 20
BY_SUFFIX = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".json": "coco"}


def read_rows(tree: Tree, form: str) -> Iterator[Row]:
    """The lines of a tree, in the same order at every reading; ImportRefused where it is not that format."""
    yield from READERS[form](tree)


def guess(tree: Tree) -> str:
    """The format a tree looks like; ImportRefused where that is not to be seen."""
    suffixes = {PurePosixPath(name).suffix.lower() for name in tree.names}
    folders = {part for name in tree.names for part in PurePosixPath(name).parts[:-1]}
    if tree.is_one_file:
        found = BY_SUFFIX.get(PurePosixPath(tree.names[0]).suffix.lower(), "")
    elif ".xml" in suffixes:
        found = "voc"
    elif "labels" in folders and ".txt" in suffixes:
        found = "yolo"
    elif "annotations" in folders and ".json" in suffixes:
        found = "coco"
    elif suffixes & set(PICTURES):
        found = "image_folder"
    else:
        found = next((BY_SUFFIX[each] for each in sorted(suffixes) if each in BY_SUFFIX), "")
    if found == "coco" and tree.is_one_file and _has_database(tree):
        found = "activitynet"
    if not found:
        raise ImportRefused("It looks like none of the known formats: say which one it is.")
    return found


def _has_database(tree: Tree) -> bool:
    """Whether a JSON file says early on that it is ActivityNet's; COCO begins with other words."""
    with tree.open(tree.names[0]) as file:
        head = file.read(HEAD_BYTES)
    return b'"database"' in head and b'"images"' not in head
