"""`sfi datasets CORPUS`: the frozen versions, the card of one, what changed between two."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.show import table

if TYPE_CHECKING:
    from labeling.models import DatasetVersion
    from sisyphus_web.accounts.models import Corpus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument("version", nargs="?", type=int, metavar="N", help="show the card of this version")
    parser.add_argument("--since", type=int, metavar="OLDER", help="what changed from this version to N")
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the list, the card or the difference; 2 for a version that there is not."""
    if arguments.since is not None and arguments.version is None:
        raise CliError("give the newer version N beside --since", Exit.REFUSED)
    instance.connect(arguments)
    corpus = instance.corpus_of(arguments.corpus)
    if arguments.version is None:
        return _list(arguments, corpus)
    version = instance.dataset_version_of(corpus, arguments.version)
    if arguments.since is not None:
        return _difference(arguments, instance.dataset_version_of(corpus, arguments.since), version)
    return _card(arguments, version)


def _list(arguments: argparse.Namespace, corpus: "Corpus") -> int:
    rows: list[dict[str, Any]] = [
        {
            "number": each.number,
            "name": each.name,
            "accepted": sum(side["accept"] for side in each.counts.values()),
            "rejected": sum(side["reject"] for side in each.counts.values()),
            "sha256": each.sha256[:12],
        }
        for each in corpus.dataset_versions.order_by("-number")
    ]
    if arguments.json:
        print(json.dumps(rows))
    else:
        table(["number", "name", "accepted", "rejected", "sha256"], rows, empty="There is no version yet.")
    return Exit.DONE


def _difference(arguments: argparse.Namespace, old: "DatasetVersion", new: "DatasetVersion") -> int:
    import msgspec

    from labeling.services.dataset_diff import compare_versions

    difference = compare_versions(old, new)
    if arguments.json:
        print(json.dumps(msgspec.to_builtins(difference)))
    else:
        rows = [
            {"change": change.replace("_", " "), "lines": num} for change, num in difference.counts.items()
        ]
        table(["change", "lines"], rows, empty="")
    return Exit.DONE


def _card(arguments: argparse.Namespace, version: "DatasetVersion") -> int:
    card = {"number": version.number, "name": version.name, "sha256": version.sha256, **version.card}
    if arguments.json:
        print(json.dumps(card))
        return Exit.DONE
    rows = [
        {"class": name}
        | {f"{side} {answer}": num for side, of in sides.items() for answer, num in of.items()}
        for name, sides in version.card["by_class"].items()
    ]
    table(list(rows[0]) if rows else ["class"], rows, empty="")
    for title in ("origins", "left_out", "groups", "leakage"):
        said = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in card.get(title, {}).items())
        print(f"{title.replace('_', ' ')}: {said}")
    if card.get("boxes"):
        print(f"boxes: {card['boxes']}, of answers that are about a part of their frame")
    for each in card.get("agreement", []):
        alike = each["alike"]
        print(f"agreement on {each['class']}: {alike['hits']} of {alike['num']} second looks are alike")
    for each in card.get("left_to_find", []):
        now = (each.get("recall") or {}).get("now")
        if now is not None:
            print(f"recall of {each['class']}: at least {now:.0%}, with {each['confidence']:.0%} confidence")
    for warning in card.get("warnings", []):
        print(f"! {warning}")
    return Exit.DONE
