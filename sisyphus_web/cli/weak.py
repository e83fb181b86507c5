"""`sfi weak CORPUS ROUND`: take the top of a ranking as weak labels."""

import argparse
import json

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument("round", type=int, metavar="ROUND", help="as `sfi query --class NAME` printed it")
    band = parser.add_mutually_exclusive_group(required=True)
    band.add_argument("--first", type=int, metavar="N", help="the first N undecided tiles")
    band.add_argument("--above", type=float, metavar="SIMILARITY", help="all that are at least as similar")
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the labels recorded; 2 for a round or a band that cannot be taken."""
    if arguments.first is not None and arguments.first < 1:
        raise CliError(f"--first must be at least 1, got {arguments.first}", Exit.REFUSED)
    if arguments.above is not None and not -1 <= arguments.above <= 1:
        raise CliError(f"--above must be a cosine, -1 to 1, got {arguments.above}", Exit.REFUSED)
    instance.connect(arguments)
    from labeling.services.weak import take_weak
    from sisyphus_web.api import Refused
    from sisyphus_web.jobs.errors import JobError

    corpus, user = instance.corpus_of(arguments.corpus), instance.user_of(arguments)
    asked = corpus.query_rounds.filter(pk=arguments.round).first()
    if asked is None:
        raise CliError(f"there is no round {arguments.round} in {corpus.name}", Exit.REFUSED)
    try:
        batch = take_weak(
            corpus=corpus,
            query_round=asked,
            first_n=arguments.first,
            min_similarity=arguments.above,
            by=user,
        )
    except (JobError, Refused) as error:
        raise CliError(str(error), Exit.REFUSED) from None
    taken = batch.labels.count()
    if arguments.json:
        print(json.dumps({"batch": str(batch.pk), "taken": taken}))
    else:
        print(f"{taken} weak labels of {batch.label_class.name}; clean them on the review page")
    return Exit.DONE
