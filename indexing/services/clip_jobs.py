"""The clips of a corpus: start what brings them in line with its policy, and say what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Q

from indexing.compute.cutting import ClipPolicy
from indexing.models import Item, Unit
from indexing.services.clips import policy_of, videos_of
from indexing.services.features import of_unit
from indexing.services.sources import indexing_settings
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job

# CPU time by builtin-clip@1 without a GPU (benchmarks/clip_search.py: 20 min of 480 x 270 at 25 per second in
# 97 s), with more for larger pictures.
CUT_SECONDS_PER_SECOND = 0.01  # to decode a second of video and find where its clips begin
ENCODE_SECONDS_PER_SECOND = 0.01  # to decode it once more
ENCODE_SECONDS_PER_CLIP = 0.14


USUAL_SECONDS = (1.0, 2.0, 4.0, 8.0)


class ClipCost(NamedTuple):
    """What the clips of a corpus's videos come to by a policy."""

    num_videos: int
    video_seconds: float
    num_clips: int
    num_there: int  # clips that there are now, by any policy
    seconds: float  # of work on two cores by the built-in descriptor; networks take longer

    @property
    def sentence(self) -> str:
        """For people who think about it."""
        if not self.num_videos:
            return "There are no videos here yet; clips are made of those that come."
        return (
            f"{self.num_videos:,} video{'' if self.num_videos == 1 else 's'}, "
            f"{time_of(self.video_seconds)}, make about {self.num_clips:,} clips "
            f"in about {time_of(self.seconds)} of work on two cores with the built-in clip descriptor; "
            "networks take several times as long without a GPU."
        )


def enqueue_clips(corpus: Corpus, *, created_by: User | None, after: Sequence[Job] = ()) -> list[Job]:
    """Enqueue the cutting of clips, then their features, stacks and index."""
    chain: list[Job] = []
    of_clips = of_unit(Unit.CLIP)
    kinds: tuple[tuple[str, dict[str, Any]], ...] = (
        ("clips_cut", {}),
        ("features_extract", of_clips),
        ("stacks_build", of_clips),
        ("index_build", of_clips),
    )
    for kind, params in kinds:
        before = [chain[-1]] if chain else list(after)
        chain.append(jobs.enqueue(kind, corpus=corpus, created_by=created_by, after=before, **params))
    return chain


@transaction.atomic
def start_clips(corpus: Corpus, *, created_by: User | None) -> Job | None:
    """Bring the clips in line with the corpus's policy; None where there is no video, or that job waits."""
    if not videos_of(corpus.pk).exists():
        return None
    waiting = corpus.jobs.filter(kind="clips_cut", status=Job.Status.QUEUED)
    if waiting.exists():
        return None
    if policy_of(indexing_settings(corpus)) is None:
        return jobs.enqueue("clips_cut", corpus=corpus, created_by=created_by)
    return enqueue_clips(corpus, created_by=created_by)[0]


def cost_of_clips(corpus: Corpus, policy: ClipPolicy) -> ClipCost:
    """Of the videos there are, by their declared lengths."""
    return _cost(policy, *_there(corpus))


def _there(corpus: Corpus) -> tuple[list[float], int]:
    """(declared lengths of the videos in seconds, clips that there are now)."""
    live_clips = Q(items__kind=Item.Kind.CLIP, items__deleted_at=None)
    counted = videos_of(corpus.pk).annotate(num_clips=Count("items", filter=live_clips))
    rows = list(counted.values_list("duration_seconds", "num_clips"))
    return [seconds or 0.0 for seconds, _ in rows], sum(number for _, number in rows)


def _cost(policy: ClipPolicy, seconds: list[float], num_there: int) -> ClipCost:
    num_clips = sum(map(policy.num_clips, seconds))
    work = (
        sum(seconds) * (CUT_SECONDS_PER_SECOND + ENCODE_SECONDS_PER_SECOND)
        + num_clips * ENCODE_SECONDS_PER_CLIP
    )
    return ClipCost(len(seconds), sum(seconds), num_clips, num_there, work)


def costs_of_clips(corpus: Corpus, chosen: ClipPolicy) -> list[tuple[ClipPolicy, ClipCost]]:
    """What usual lengths, clip after clip, and the one that is chosen come to; the shortest first."""
    policies = {ClipPolicy(length, length) for length in USUAL_SECONDS} | {chosen}
    ordered = sorted(policies, key=lambda each: (each.length_seconds, each.stride_seconds))
    there = _there(corpus)
    return [(each, _cost(each, *there)) for each in ordered]


def time_of(seconds: float) -> str:
    """About so long, in words: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
