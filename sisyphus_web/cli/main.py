"""`sfi`: Sisyphus on the command line. One module per verb; none is imported before it is asked for."""

import argparse
import errno
import importlib
import os
import sys

from sisyphus_web import __version__
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain.flags import spelled
from sisyphus_web.cli.plain.verbs import PLAIN_VERBS

# What a file system says: no place, no permission, no such thing here
FILE_ERRORS = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO,
    errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG,
)  # fmt: skip

VERBS = {  # verb -> (module, what it does)
    "doctor": ("sisyphus_web.cli.doctor", "say what is there, what is missing, and what to do"),
    "corpora": ("sisyphus_web.cli.corpora", "list the corpora of the running Sisyphus"),
    "settings": ("sisyphus_web.cli.corpus_settings", "say how a corpus is indexed; switch its region index"),
    "ingest": (
        "sisyphus_web.cli.ingest",
        "bring folders and files into a corpus, and wait until they are searchable",
    ),
    "query": ("sisyphus_web.cli.query", "find what is like an item, an image or what was accepted"),
    "answer": ("sisyphus_web.cli.answer", "accept, reject or be unsure about items"),
    "weak": ("sisyphus_web.cli.weak", "take the top of a ranking as weak labels"),
    "jobs": ("sisyphus_web.cli.jobs", "list the jobs of the running Sisyphus"),
    "export": ("sisyphus_web.cli.export", "freeze what was decided and write it to a folder"),
    "labels-import": ("sisyphus_web.cli.labels_import", "take in labels of others, after a look at them"),
    "datasets": ("sisyphus_web.cli.datasets", "list frozen versions, show a card, compare two"),
    "train": ("sisyphus_web.cli.train", "train a classifier on what was decided, and judge it"),
    "classifiers": ("sisyphus_web.cli.classifiers", "list classifiers and versions; make one live"),
    "predict": ("sisyphus_web.cli.predict", "score a corpus by a classifier"),
    **PLAIN_VERBS,
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; its exit status. People's mistakes end in a sentence, never in a traceback."""
    words = spelled(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="sfi", description="Sisyphus on the command line.")
    parser.add_argument("--version", action="version", version=f"sfi {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    asked = next((word for word in words if not word.startswith("-")), "")
    for verb, (module, words_of_verb) in VERBS.items():
        of_verb = verbs.add_parser(verb, help=words_of_verb, description=words_of_verb.capitalize() + ".")
        if verb == asked:
            importlib.import_module(module).add_arguments(of_verb)
    arguments = parser.parse_args(words)
    try:
        return int(importlib.import_module(VERBS[arguments.verb][0]).run(arguments))
    except CliError as error:
        print(f"sfi {arguments.verb}: {error}", file=sys.stderr)
        return error.code
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FILE_ERRORS:
            at = f"{error.filename}: " if error.filename else ""
            print(f"sfi {arguments.verb}: {at}{error.strerror}; what was done stays done.", file=sys.stderr)
            return Exit.FAILED
        if not _is_lost_database(error):
            raise
        sentence = "the database has gone; did Sisyphus stop? Its jobs go on at the next start."
        print(f"sfi {arguments.verb}: {sentence}", file=sys.stderr)
        return Exit.FAILED
    except KeyboardInterrupt:
        print(f"sfi {arguments.verb}: stopped; what was done stays done.", file=sys.stderr)
        return Exit.FAILED
    except BrokenPipeError:  # `sfi jobs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE


def _is_lost_database(error: Exception) -> bool:
    """Whether the connection broke, asked without importing Django for verbs that do without it."""
    database = sys.modules.get("django.db")
    return database is not None and isinstance(error, (database.OperationalError, database.InterfaceError))


if __name__ == "__main__":
    sys.exit(main())
