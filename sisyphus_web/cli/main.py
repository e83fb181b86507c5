"""`sfi`: Sisyphus on the command line. One module per verb; none is imported before it is asked for."""

import importlib
import json
import os
import sys

from sisyphus_web.cli import parsing
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain.file_errors import FILE_ERRORS, sentences_of
from sisyphus_web.cli.plain.flags import spelled
from sisyphus_web.cli.plain.stopping import interruptible
from sisyphus_web.cli.plain.verbs import PLAIN_VERBS

NO_MEMORY = "can't allocate memory"  # torch's words, in a RuntimeError
INSTANCE_VERBS = {  # verb -> (module, what it does)
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
}
VERBS = {**INSTANCE_VERBS, **PLAIN_VERBS}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; its exit status. People's mistakes end in a sentence, never in a traceback."""
    words = spelled(sys.argv[1:] if argv is None else argv)
    asked = ""
    try:
        with interruptible():
            asked = parsing.verb_in(words, VERBS)
            parser = parsing.parser_of(PLAIN_VERBS, INSTANCE_VERBS, asked)
            arguments = parsing.parsed(parser, words)
            return int(importlib.import_module(VERBS[arguments.verb][0]).run(arguments))
    except BrokenPipeError:  # `sfi jobs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except (Exception, KeyboardInterrupt) as error:
        found = told(error)
        if found is None:
            raise
        sentence, code = found
        name = f"sfi {asked}".strip()
        as_json = json.dumps({"event": "error", "verb": asked, "exit": code, "text": sentence})
        print(as_json if "--json" in words else f"{name}: {sentence}", file=sys.stderr)
        return code


def told(error: BaseException) -> tuple[str, Exit] | None:
    """The sentence and the exit status of what people can mend; None for a fault of ours."""
    if isinstance(error, CliError):
        return str(error), error.code
    if isinstance(error, KeyboardInterrupt):
        return "stopped; what was done stays done.", Exit.FAILED
    if isinstance(error, OSError) and error.errno in FILE_ERRORS:
        return sentences_of(error), Exit.FAILED
    if isinstance(error, MemoryError) or NO_MEMORY in str(error):
        advice = "Take a smaller --batch-size or --image-size."
        return f"there is not enough memory; what was done stays done. {advice}", Exit.FAILED
    if isinstance(error, Exception) and _is_lost_database(error):
        return "the database has gone; did Sisyphus stop? Its jobs go on at the next start.", Exit.FAILED
    return None


def _is_lost_database(error: Exception) -> bool:
    """Whether the connection broke, asked without importing Django for verbs that do without it."""
    database = sys.modules.get("django.db")
    return database is not None and isinstance(error, (database.OperationalError, database.InterfaceError))


if __name__ == "__main__":
    sys.exit(main())
