"""`sfi classifiers CORPUS`: its classifiers, their versions, which one is live; make one live, go back."""

import argparse
import json
from typing import Any

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.show import table

COLUMNS = ["classifier", "version", "live", "kind", "dataset", "test_precision", "scored", "made_by"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument("--live", metavar="NAME:N", help="make version N of a classifier the live one")
    parser.add_argument("--back", metavar="NAME", help="make the version live again that was before")
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the list; 2 for a name or version that is not there."""
    instance.connect(arguments)
    from sisyphus_web.accounts.models import Corpus
    from sisyphus_web.jobs.errors import JobError
    from training.services.versions import roll_back, set_live

    corpus: Corpus = instance.corpus_of(arguments.corpus)
    user = instance.user_of(arguments)
    try:
        if arguments.live:
            set_live(version_of(corpus, arguments.live), by=user)
        if arguments.back:
            roll_back(version_of(corpus, arguments.back).classifier, by=user)
    except JobError as error:
        raise CliError(str(error), Exit.REFUSED) from None
    rows = _rows(corpus)
    if arguments.json:
        print(json.dumps(rows))
    else:
        table(COLUMNS, rows, empty="There is no classifier yet: sfi train makes one.")
    return Exit.DONE


def version_of(corpus: Any, named: str) -> Any:
    """The version of NAME:N, the live or else the newest one of NAME; CliError names what there is."""
    from training.models import ClassifierVersion

    of_corpus = ClassifierVersion.objects.filter(classifier__corpus=corpus).select_related(
        "classifier__corpus", "run__feature_set"
    )
    name, _, number = named.rpartition(":")
    if name and number.isdecimal():
        found = of_corpus.filter(classifier__name=name, number=int(number)).first()
    else:
        found = of_corpus.filter(classifier__name=named).order_by("-is_live", "-number").first()
    if found is None:
        there = of_corpus.order_by("classifier__name", "number")
        names = ", ".join(f"{each.classifier.name}:{each.number}" for each in there) or "none yet"
        raise CliError(
            f"there is no classifier {named!r} in {corpus.name}. There are: {names}.", Exit.REFUSED
        )
    return found


def _rows(corpus: Any) -> list[dict[str, Any]]:
    from training.models import ClassifierVersion

    found = ClassifierVersion.objects.filter(classifier__corpus=corpus).select_related(
        "classifier", "run__dataset_version", "run__created_by", "score_set"
    )
    return [_row(version) for version in found.order_by("classifier__name", "-number")]


def _row(version: Any) -> dict[str, Any]:
    judged = version.run.evaluation.get("test") or {}
    precision = judged.get("macro_average_precision")
    scores = getattr(version, "score_set", None)
    return {
        "classifier": version.classifier.name,
        "version": version.number,
        "live": "yes" if version.is_live else "",
        "kind": version.run.kind,
        "dataset": version.run.dataset_version.number,
        "test_precision": "" if precision is None else f"{precision:.3f}",
        "scored": "" if scores is None else "all" if scores.is_current else "in part",
        "made_by": version.run.created_by.username,
        "id": version.pk,
    }
