"""`sfi predict CORPUS NAME`: score the corpus by a classifier; with --out, the scores as a table."""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from sisyphus_web.cli import instance
from sisyphus_web.cli.classifiers import version_of
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.waiting import wait_for

ITEMS_PER_QUERY = 5000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument("classifier", metavar="NAME[:N]", help="its live version, or version N")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.csv", help="item, file, time and scores, best first"
    )
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 once every item has a score; 2 for a name that is not there; 1 when the job fails."""
    if arguments.out is not None and arguments.out.exists():
        raise CliError(f"{arguments.out} is there already; name a new file", Exit.REFUSED)
    instance.connect(arguments)
    from training.models import ScoreSet
    from training.services.scores import request_scores

    corpus, user = instance.corpus_of(arguments.corpus), instance.user_of(arguments)
    version = version_of(corpus, arguments.classifier)
    wait_for(request_scores(version, by=user).job, is_quiet=arguments.json)
    score_set = ScoreSet.objects.select_related("version__run", "version__classifier", "job").get(
        version=version
    )
    num = int(score_set.job.result.get("num_scores", 0)) if score_set.job else 0
    if arguments.out is not None:
        _write(arguments.out, score_set)
    answer = {
        "classifier": version.classifier.name,
        "version": version.number,
        "num_scores": num,
        "out": str(arguments.out) if arguments.out else None,
    }
    words = f"{num} items have a score by {version.classifier.name}, version {version.number}."
    print(json.dumps(answer) if arguments.json else words)
    return Exit.DONE


def _write(out: Path, score_set: Any) -> None:
    """A line for every live item, by the score of the first class, best first; whole or not there."""
    from indexing.models import Item
    from training.services.scores import read_scores

    scores = read_scores(score_set)
    order = (-scores.values[:, 0]).argsort(kind="stable")
    part = out.with_name(f".{out.name}.part")
    with part.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["item", "file", "seconds", *score_set.version.run.class_names])
        for start in range(0, len(order), ITEMS_PER_QUERY):
            places = order[start : start + ITEMS_PER_QUERY].tolist()
            ids = [int(scores.item_ids[place]) for place in places]
            found = (
                Item.objects.live().filter(pk__in=ids).values_list("pk", "media_file__name", "pts_seconds")
            )
            named = {pk: (name, seconds) for pk, name, seconds in found}
            for place, pk in zip(places, ids, strict=True):
                if pk in named:
                    lines.writerow([pk, *named[pk], *(f"{value:.6f}" for value in scores.values[place])])
    part.replace(out)
