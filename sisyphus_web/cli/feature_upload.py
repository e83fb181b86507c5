"""`sfi feature-upload`: feature files to a data set of the Hugging Face hub."""

import argparse
import os

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import ProgressBar

DESCRIPTION = """
Send the feature files below --feature-dir, with their side files, to a data set of the Hugging Face hub. What
the hub has already is not sent again. With --remove-after-uploading a local file goes only when the hub says
that it has the very same bytes, by their checksum; after a failure every file is still here.

The token is taken from HF_TOKEN: a flag is seen by everybody on this machine. HF_ENDPOINT names another hub.
"""
EXAMPLE = """
HF_TOKEN=... sfi feature-upload --hf_dataset me/features --feature_dir features --path_in_repo i3d
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument("--hf-dataset", required=True, metavar="NAME", help="owner/name; it must be there")
    parser.add_argument(
        "--feature-dir",
        type=flags.existing_folder,
        required=True,
        metavar="DIR",
        help="feature files and their side files, sub-folders too",
    )
    parser.add_argument("--path-in-repo", default="", metavar="DIR", help="default: its root")
    parser.add_argument(
        "--remove-after-uploading", action="store_true", help="delete what the hub confirmed, and only that"
    )
    parser.add_argument("--hf-token", metavar="TOKEN", help="rather HF_TOKEN")
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when the hub has every file; 1 when it failed, and every unconfirmed file is still here."""
    from indexing.compute.plain import hub_upload
    from indexing.compute.plain.side_files import META, ROWS

    token = arguments.hf_token or os.environ.get("HF_TOKEN")
    if not token:
        raise CliError("there is no token: put it into HF_TOKEN", Exit.REFUSED)
    folder = arguments.feature_dir
    report = endings.new_report("feature-upload", hf_dataset=arguments.hf_dataset, removed=0)
    names = endings.inputs_of(folder, leave_out=None, report=report)
    names = [name for name in names if name.endswith((".npy", f".npy{META}", f".npy{ROWS}"))]
    if not names:
        raise CliError(f"there is no feature file in {folder}", Exit.REFUSED)
    start = "/".join(part for part in arguments.path_in_repo.split("/") if part not in ("", "."))
    if ".." in start.split("/"):
        raise CliError(f"--path-in-repo lies outside the data set: {arguments.path_in_repo}", Exit.REFUSED)
    files = [(folder / name, f"{start}/{name}" if start else name) for name in names]
    place = folder / "feature-upload"  # its report lies beside that of what made the files
    told = {path: name for (path, _), name in zip(files, names, strict=True)}

    with ProgressBar("files", len(files), as_json=arguments.json) as bar:

        def confirmed(done: list[hub_upload.Sent]) -> None:
            for path, place in done:
                report.done(told[path], place)
                if arguments.remove_after_uploading:
                    path.unlink()
                    report.facts["removed"] += 1
            bar.advance(len(done))

        try:
            hub = hub_upload.Hub(arguments.hf_dataset, token=token, endpoint=os.environ.get("HF_ENDPOINT"))
            hub_upload.upload(hub, files, confirmed)
        except hub_upload.UploadFailed as error:
            report.write(place)
            there = f"{len(report.outcomes):,} of {len(files):,} files are confirmed"
            raise CliError(f"{error}. {there}; the others are still in {folder}", Exit.FAILED) from None
    removed = f", {report.facts['removed']:,} removed here" if arguments.remove_after_uploading else ""
    words = f"{len(files):,} files are in {arguments.hf_dataset}{removed}."
    return endings.finish(report, place, arguments, words)
