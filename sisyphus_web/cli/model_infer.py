"""`sfi model-infer`: the class of every picture below a folder, as JSON."""

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import ProgressBar

if TYPE_CHECKING:
    from indexing.compute.plain.report import Report
    from training.compute.classifiers import Classifier

DESCRIPTION = """
Classify every picture below --dataset and write --results, a JSON list with an object per picture:

  class          the number of the most probable class
  probability    its probability, rounded to 3 digits
  path           the picture, relative to --dataset
  label          the name of the class
  probabilities  {name: probability} of all classes

Pictures are resized and cut as in training. What is no picture is rejected with a reason, listed in
RESULTS.sfi-report.json, and the status is then 3.
"""
EXAMPLE = """
sfi model-infer --model blockage --dataset photos --results results.json
sfi model-infer --model old.pth --classes background,construction --dataset photos --results results.json
"""
DIGITS, DIGITS_OF_ALL = 3, 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import classifiers

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    classifiers.add_arguments(parser)
    parser.add_argument(
        "--dataset",
        type=flags.existing_folder,
        required=True,
        metavar="DIR",
        help="pictures, sub-folders too",
    )
    parser.add_argument("--results", type=Path, required=True, metavar="FILE", help="the JSON list")
    flags.add_batch_size(parser, 64, "pictures at once")
    flags.add_num_workers(parser)
    flags.add_seed(parser)
    flags.add_device(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with a result for every picture; 3 when some files were none."""
    from indexing.compute.plain.whole_files import as_json, writing_whole
    from sisyphus_web.cli.plain import classifiers, networks, refusals
    from training.compute.classifiers import Classifier

    networks.check_device(arguments.device)
    results: Path = arguments.results.expanduser()
    if results.is_dir():
        raise CliError(f"{results} is a folder; --results names a file", Exit.REFUSED)
    with refusals.told():
        checkpoint = classifiers.checkpoint_of(
            arguments.model, classifiers.names_of(arguments), classifiers.architecture_of(arguments)
        )
        classifier = Classifier(checkpoint, device=arguments.device, batch_size=arguments.batch_size)
    report = endings.new_report(
        "model-infer", seed=arguments.seed, model=str(checkpoint.path), classes=list(classifier.class_names)
    )
    names = endings.inputs_of(arguments.dataset, leave_out=None, report=report)
    ours = {results.resolve(), results.with_name(f"{results.name}.sfi-report.json").resolve()}
    names = [name for name in names if (arguments.dataset / name).resolve() not in ours]
    with ProgressBar("pictures", len(names), as_json=arguments.json) as bar, writing_whole(results) as file:
        rows = _rows(arguments, classifier, names, report, bar)
        first = next(rows, None)
        file.write(b"[" + (as_json(first) if first else b""))
        for row in rows:
            file.write(b",\n" + as_json(row))
        file.write(b"]\n")
    report.facts |= {"results": str(results)}
    return endings.finish(
        report, results, arguments, f"{endings.counts_in_words(report)}; results are in {results}."
    )


def _rows(
    arguments: argparse.Namespace,
    classifier: "Classifier",
    names: Sequence[str],
    report: "Report",
    bar: ProgressBar,
) -> Iterator[dict[str, Any]]:
    from indexing.compute.media_facts import MediaRefused
    from training.compute.classifiers import probabilities
    from training.compute.pictures import PictureReader

    sources = [arguments.dataset / name for name in names]
    reader = PictureReader(
        sources, classifier.preprocessing, num_workers=arguments.num_workers, cache_bytes=0
    )
    cut = classifier.preprocessing.middle
    with reader:
        answers = reader.read_many(range(len(names)), lambda _, pixels: cut(pixels))
        pairs = zip(names, answers, strict=True)
        while batch := list(islice(pairs, arguments.batch_size)):
            there = [(name, answer) for name, answer in batch if not isinstance(answer, MediaRefused)]
            for name, answer in batch:
                if isinstance(answer, MediaRefused):
                    report.rejected(name, answer.code, answer.sentence)
                else:
                    report.done(name)
            logits = classifier.logits_of_prepared([pixels for _, pixels in there])
            for (name, _), found in zip(there, probabilities(logits, classifier.kind), strict=True):
                yield _row(name, found.tolist(), classifier.class_names)
            bar.advance(len(batch))


def _row(name: str, found: list[float], class_names: Sequence[str]) -> dict[str, Any]:
    best = max(range(len(found)), key=found.__getitem__)
    return {
        "class": best,
        "probability": round(found[best], DIGITS),
        "path": name,
        "label": class_names[best],
        "probabilities": {
            each: round(value, DIGITS_OF_ALL) for each, value in zip(class_names, found, strict=True)
        },
    }
