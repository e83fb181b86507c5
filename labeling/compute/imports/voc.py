"""Pascal VOC: objects are accepts of their boxes; <class>_<side>.txt in ImageSets/Main has -1 for rejects."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from xml.parsers import expat

from labeling.compute.imports.image_folder import SIDES, folders_said
from labeling.compute.imports.rows import PICTURES, FileUnreadable, ImportRefused, Row, named, told_part
from labeling.compute.imports.trees import Tree, refused_line

DEPTH = 32


def voc_rows(tree: Tree) -> Iterator[Row]:
    """Every object of Annotations/*.xml, then the frames that the lists say no to, or yes without a box."""
    annotations = [name for name in tree.names if name.lower().endswith(".xml")]
    if not annotations:
        raise ImportRefused("There is no annotation (.xml) in it.")
    pictures = {PurePosixPath(name).stem: name for name in tree.names if name.lower().endswith(PICTURES)}
    seen: set[tuple[str, str]] = set()
    names: dict[str, str] = {}
    for name in annotations:
        stem = PurePosixPath(name).stem
        try:
            about = _parsed(tree.read(name))
        except FileUnreadable as error:
            yield refused_line(tree, name, error)
            continue
        except (expat.ExpatError, ValueError, LookupError) as error:  # of an encoding that is none
            yield Row(name, problem="unreadable", detail=str(error))
            continue
        names[stem] = about["filename"] or stem
        facts = _facts(names[stem], stem, pictures)
        for number, (label_class, corners, kind, box) in enumerate(about["objects"], 1):
            place = f"{name}, object {number}"
            if not label_class:
                yield Row(place, problem="no-class", detail="The object has no name.")
            elif corners is None:
                yield Row(place, problem="bad-box", detail="A bndbox has xmin, ymin, xmax and ymax.")
            else:
                seen.add((stem, label_class))
                is_frame, said_of = told_part(kind, box)
                where = {"box": None if is_frame else corners, "unit": about["size"], "said_of": said_of}
                yield Row(place, label_class=label_class, **facts | where)
    yield from _said_of_frames(tree, pictures, names, seen)


def _said_of_frames(
    tree: Tree, pictures: dict[str, str], names: dict[str, str], seen: set[tuple[str, str]]
) -> Iterator[Row]:
    classes = {folder: label_class for label_class, folder in folders_said(tree).items()}
    for name in tree.names:
        path = PurePosixPath(name)
        folder, _, side = path.stem.rpartition("_")
        if (
            path.suffix != ".txt"
            or path.parent.name != "Main"
            or not folder
            or side not in SIDES | {"trainval"}
        ):
            continue
        label_class = classes.get(folder, folder)
        try:
            lines = tree.read(name).decode("utf-8", "replace").splitlines()
        except FileUnreadable as error:
            yield refused_line(tree, name, error)
            continue
        for number, line in enumerate(lines, 1):
            fields = line.split()
            if len(fields) != 2 or fields[1] not in ("1", "-1"):
                continue  # 0 is "difficult": nobody's answer
            if fields[1] == "1" and (fields[0], label_class) in seen:
                continue
            facts = _facts(names.get(fields[0], fields[0]), fields[0], pictures)
            answer = "accept" if fields[1] == "1" else "reject"
            yield Row(f"{name}, line {number}", label_class=label_class, answer=answer, **facts)


def _facts(file_name: str, stem: str, pictures: dict[str, str]) -> dict[str, Any]:
    facts: dict[str, Any] = named(file_name) | {"picture": pictures.get(stem, "")}
    facts.pop("box", None)
    return facts


def _parsed(data: bytes) -> dict[str, Any]:
    """filename, size and objects of an annotation; ValueError for XML with entities or that is too deep."""
    path: list[str] = []
    text: list[str] = []
    found: dict[str, str] = {}
    objects: list[dict[str, str]] = []

    def begin(name: str, _: dict[str, str]) -> None:
        path.append(name)
        text.clear()
        if len(path) > DEPTH:
            raise ValueError("The elements are nested too deeply.")
        if path[1:] == ["object"]:
            objects.append({})

    def end(_: str) -> None:
        where = "/".join(path[1:])
        said = "".join(text).strip()
        if where.startswith("object/"):
            objects[-1].setdefault(where.removeprefix("object/"), said)
        else:
            found.setdefault(where, said)
        path.pop()
        text.clear()

    def refuse(*_: Any) -> Any:
        raise ValueError("The XML declares entities, which no annotation needs.")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = text.append
    parser.EntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    parser.Parse(data, True)  # noqa: FBT003 - expat has no name for it
    size = (_number(found.get("size/width")), _number(found.get("size/height")))
    return {
        "filename": found.get("filename", ""),
        "size": size if size[0] and size[1] else None,
        "objects": [
            (each.get("name", ""), _corners(each), each.get("kind"), each.get("box", "").split())
            for each in objects
        ],
    }


def _corners(thing: dict[str, str]) -> tuple[float, float, float, float] | None:
    """Corners counted from 1, the last included, as [x0, x1)."""
    x0, y0, x1, y1 = (_number(thing.get(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax"))
    if x0 is None or y0 is None or x1 is None or y1 is None:
        return None
    return (x0 - 1, y0 - 1, x1, y1)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
