"""`sfi settings CORPUS`: how a corpus is indexed; --regions and --clips switch what is searched."""

import argparse
import json

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit

FIELDS = {  # flag -> field of the settings
    "regions": "regions",
    "clips": "clips",
    "clip_seconds": "clip_seconds",
    "clip_stride": "clip_stride_seconds",
    "clip_fps": "clip_frames_per_second",
    "clip_encoder": "clip_encoder",
}
NAMES = (
    "encoder",
    "frame_policy",
    "interval_seconds",
    "similarity_threshold",
    "is_strict",
    "regions",
    "clips",
    "clip_seconds",
    "clip_stride_seconds",
    "clip_frames_per_second",
    "clip_encoder",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument(
        "--regions",
        choices=["off", "tiles"],
        help="whether queries compare with 13 tiles of each frame too; 14 times the memory",
    )
    parser.add_argument("--clips", choices=["off", "on"], help="whether videos are cut into clips, too")
    parser.add_argument("--clip-seconds", type=float, metavar="S", help="how long a clip is")
    parser.add_argument(
        "--clip-stride", type=float, metavar="S", help="seconds from the start of a clip to that of the next"
    )
    parser.add_argument(
        "--clip-fps", type=float, metavar="N", help="how densely frames of a clip are taken; 0: spread evenly"
    )
    parser.add_argument("--clip-encoder", metavar="KEY", help="a clip encoder's key, or auto")
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the settings as they are then; 2 for a user who may not change them."""
    instance.connect(arguments)
    from django.core.exceptions import ValidationError

    from indexing.compute.cutting import ClipPolicy
    from indexing.services.clip_jobs import cost_of_clips
    from indexing.services.corpora import change_settings
    from indexing.services.regions import cost_of
    from indexing.services.sources import indexing_settings
    from sisyphus_web.accounts.models import Role
    from sisyphus_web.jobs.errors import JobError

    corpus = instance.corpus_of(arguments.corpus)
    asked = {field: getattr(arguments, flag) for flag, field in FIELDS.items()}
    changes = {field: value for field, value in asked.items() if value is not None}
    if changes:
        user = instance.user_of(arguments)
        is_manager = corpus.memberships.filter(user=user, role=Role.MANAGER).exists()
        if not (is_manager or user.is_operator):
            raise CliError(f"{user} does not manage {corpus.name}", Exit.REFUSED)
        try:
            change_settings(corpus, by=user, **changes)
        except ValidationError as error:
            raise CliError(" ".join(error.messages), Exit.REFUSED) from None
        except JobError as error:
            raise CliError(str(error), Exit.REFUSED) from None
    chosen = indexing_settings(corpus)
    answer = {name: getattr(chosen, name) for name in NAMES}
    clips = cost_of_clips(corpus, ClipPolicy(chosen.clip_seconds, chosen.clip_stride_seconds))
    if arguments.json:
        cost = cost_of(corpus)
        sizes = {"whole_bytes": cost.whole_bytes, "tiles_bytes": cost.tiles_bytes}
        print(json.dumps(answer | sizes | {"num_clips": clips.num_clips, "clip_work_seconds": clips.seconds}))
        return Exit.DONE
    for name, value in answer.items():
        print(f"{name:<21} {value}")
    print(cost_of(corpus).sentence)
    print(clips.sentence)
    return Exit.DONE
