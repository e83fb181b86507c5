"""`sfi settings CORPUS`: how a corpus is indexed; --regions switches its region index."""

import argparse
import json

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument(
        "--regions",
        choices=["off", "tiles"],
        help="whether queries compare with 13 tiles of each frame too; 14 times the memory",
    )
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the settings as they are then; 2 for a user who may not change them."""
    instance.connect(arguments)
    from indexing.services.corpora import change_settings
    from indexing.services.regions import cost_of
    from indexing.services.sources import indexing_settings
    from sisyphus_web.accounts.models import Role

    corpus = instance.corpus_of(arguments.corpus)
    if arguments.regions is not None:
        user = instance.user_of(arguments)
        is_manager = corpus.memberships.filter(user=user, role=Role.MANAGER).exists()
        if not (is_manager or user.is_operator):
            raise CliError(f"{user} does not manage {corpus.name}", Exit.REFUSED)
        change_settings(corpus, by=user, regions=arguments.regions)
    chosen = indexing_settings(corpus)
    names = ("encoder", "frame_policy", "interval_seconds", "similarity_threshold", "is_strict", "regions")
    answer = {name: getattr(chosen, name) for name in names}
    if arguments.json:
        cost = cost_of(corpus)
        print(json.dumps(answer | {"whole_bytes": cost.whole_bytes, "tiles_bytes": cost.tiles_bytes}))
        return Exit.DONE
    for name, value in answer.items():
        print(f"{name:<22}{value}")
    print(cost_of(corpus).sentence)
    return Exit.DONE
