"""`sfi train CORPUS [CLASS...]`: a classifier from what was decided, judged on what it has not seen."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.waiting import wait_for

if TYPE_CHECKING:
    from labeling.models import DatasetVersion
    from sisyphus_web.accounts.models import Corpus
    from training.models import ClassifierVersion


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument("classes", nargs="*", metavar="CLASS", help="default: all of the dataset version")
    parser.add_argument(
        "--version", type=int, metavar="N", help="a frozen version; default: freeze a new one"
    )
    parser.add_argument("--with-weak", action="store_true", help="of a new version: also weak labels")
    parser.add_argument(
        "--group-by",
        choices=("media", "folder", "source"),
        default="media",
        help="of a new version: what is wholly on one side; default: media files with their stacks",
    )
    parser.add_argument(
        "--unit", choices=("frame", "clip"), help="of a new version: without, what was answered"
    )
    parser.add_argument("--name", default="", help="of the classifier; default: made of the classes")
    parser.add_argument(
        "--one-of", action="store_true", help="exactly one class is right; default: each alone"
    )
    parser.add_argument(
        "--fine-tune",
        metavar="NETWORK",
        help="a network, such as torchvision:resnet50; default: a linear probe",
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="of a network, at most")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--live", action="store_true", help="let it score new media in place of the present one"
    )
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with a version of the classifier; 2 when the answers cannot train one; 1 when the job fails."""
    instance.connect(arguments)
    from django.core.exceptions import ValidationError

    from sisyphus_web.jobs.errors import JobError
    from training.models import ClassifierVersion
    from training.services.runs import request_run

    corpus, user = instance.corpus_of(arguments.corpus), instance.user_of(arguments)
    options: dict[str, Any] = {"seed": arguments.seed}
    if arguments.epochs is not None:
        options["num_epochs"] = arguments.epochs
    try:
        made = request_run(
            version=_version(arguments, corpus),
            label_classes=instance.label_classes_of(corpus, arguments.classes),
            name=arguments.name,
            kind="fine_tune" if arguments.fine_tune else "probe",
            target="multi_class" if arguments.one_of else "multi_label",
            network=arguments.fine_tune or "",
            options=options,
            go_live=arguments.live,
            by=user,
        )
    except (JobError, ValidationError) as error:
        sentence = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        raise CliError(sentence, Exit.REFUSED) from None
    wait_for(made.job, is_quiet=arguments.json)
    version = ClassifierVersion.objects.select_related("classifier", "run").get(run=made)
    answer = _answer(version)
    print(json.dumps(answer) if arguments.json else _words(version, answer))
    return Exit.DONE


def _version(arguments: argparse.Namespace, corpus: "Corpus") -> "DatasetVersion":
    from labeling.services.datasets import create_version

    if arguments.version is not None:
        return instance.dataset_version_of(corpus, arguments.version)
    classes = instance.label_classes_of(corpus, arguments.classes) or list(
        corpus.label_classes.filter(retired_at=None)
    )
    return create_version(
        corpus=corpus,
        label_classes=classes,
        includes_weak=arguments.with_weak,
        group_by=arguments.group_by,
        unit=arguments.unit,
        by=instance.user_of(arguments),
    )


def _answer(version: "ClassifierVersion") -> dict[str, Any]:
    test = version.run.evaluation.get("test")
    return {
        "classifier": version.classifier.name,
        "version": version.number,
        "id": version.pk,
        "is_live": version.is_live,
        "dataset_version": version.run.dataset_version.number,
        "test_items": test["num_items"] if test else 0,
        "classes": {
            each["name"]: {"average_precision": each["average_precision"], "roc_auc": each["roc_auc"]}
            for each in (test["classes"] if test else [])
        },
    }


def _words(version: "ClassifierVersion", answer: dict[str, Any]) -> str:
    lines = [f"{version.classifier.name}, version {version.number}{', is live' if version.is_live else ''}."]
    for name, judged in answer["classes"].items():
        precision = judged["average_precision"]
        said = "not measured" if precision is None else f"average precision {precision:.3f}"
        lines.append(f"  {name}: {said} on {answer['test_items']} test items")
    return "\n".join(lines if answer["classes"] else [*lines, "  The test side has no answers."])
