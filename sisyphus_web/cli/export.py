"""`sfi export CORPUS OUT`: freeze what was decided into a dataset version and write it below OUT."""

import argparse
import json
import shutil
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from labeling.models import DatasetVersion, Export
    from sisyphus_web.accounts.models import Corpus

FORMATS = (
    "image_folder", "coco", "yolo", "voc", "csv", "jsonl", "parquet", "webdataset", "fiftyone", "huggingface",
    "spans_csv", "activitynet",
)  # fmt: skip
POLL_SECONDS = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder; made if missing, must be empty")
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="default: image_folder")
    parser.add_argument(
        "--class", dest="classes", action="append", default=[], metavar="NAME", help="default: all"
    )
    parser.add_argument("--with-weak", action="store_true", help="also what was taken without a look")
    parser.add_argument(
        "--without-pixels", action="store_true", help="the labels alone, where the format can"
    )
    parser.add_argument(
        "--clip-format",
        choices=("h264", "copy", "lossless"),
        default="h264",
        help="of clips, as mp4: encoded (default), copied where key frames allow, every pixel's value kept",
    )
    parser.add_argument("--version", type=int, metavar="N", help="an existing version instead of a new one")
    parser.add_argument(
        "--unit", choices=("frame", "clip"), help="of a new version: without, what was answered"
    )
    parser.add_argument("--val", type=float, default=0.1, metavar="SHARE", help="default: 0.1")
    parser.add_argument("--test", type=float, default=0.1, metavar="SHARE", help="default: 0.1")
    parser.add_argument("--seed", type=int, default=0, help="of the split; default: 0")
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the files below OUT; 2 with nothing to export or OUT in use; 1 when the job fails."""
    out = arguments.out.expanduser().absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CliError(f"{out} is not an empty folder; name a new one", Exit.REFUSED)
    instance.connect(arguments)
    from django.core.exceptions import ValidationError

    from labeling.services.exports import path_of, request_export
    from sisyphus_web.jobs.errors import JobError

    corpus, user = instance.corpus_of(arguments.corpus), instance.user_of(arguments)
    try:
        version = _version(arguments, corpus)
        export = request_export(
            version=version,
            format=arguments.format,
            with_pixels=not arguments.without_pixels,
            clip_format=arguments.clip_format,
            by=user,
        )
    except (JobError, ValidationError) as error:
        sentence = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        raise CliError(sentence, Exit.REFUSED) from None
    _wait(export)
    _place(path_of(export), out)
    answer = {"version": version.number, "export": export.pk, "sha256": export.sha256, "out": str(out)}
    answer["counts"] = version.counts
    print(json.dumps(answer) if arguments.json else f"Version {version.number} of {corpus.name} is in {out}.")
    return Exit.DONE


def _version(arguments: argparse.Namespace, corpus: "Corpus") -> "DatasetVersion":
    """The version named, or one frozen now."""
    from labeling.services.datasets import create_version

    if arguments.version is not None:
        return instance.dataset_version_of(corpus, arguments.version)
    return create_version(
        corpus=corpus,
        label_classes=instance.label_classes_of(corpus, arguments.classes)
        or list(corpus.label_classes.all()),
        includes_weak=arguments.with_weak,
        val_share=arguments.val,
        test_share=arguments.test,
        seed=arguments.seed,
        unit=arguments.unit,
        by=instance.user_of(arguments),
    )


def _wait(export: "Export") -> None:
    """Until the export's file is there; CliError if its job does not end well."""
    from sisyphus_web.jobs import advice

    while not export.sha256:
        job = export.job
        if job is None or job.status in {"failed", "cancelled"}:
            reason = (
                f"{job.error_text} {advice.of(job.error_code)}"
                if job and job.error_code
                else "it was cancelled"
            )
            raise CliError(f"the export did not end: {reason}")
        time.sleep(POLL_SECONDS)
        export.refresh_from_db()


def _place(file: Path, out: Path) -> None:
    """The export below `out`: a zip unpacked, another file copied; nothing half-written is visible there."""
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            archive.extractall(part)  # our own file, with generated names
    else:
        shutil.copyfile(file, part / file.name)
    if out.exists():
        out.rmdir()  # it is empty
    part.rename(out)
