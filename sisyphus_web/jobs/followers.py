"""What is to follow when a job of a kind is done: said by the apps above, which jobs know nothing of."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import transaction

if TYPE_CHECKING:
    from sisyphus_web.jobs.models import Job

logger = logging.getLogger(__name__)

Follower = Callable[["Job"], None]
_followers: dict[str, list[Follower]] = {}


def follow(kind: str, follower: Follower) -> None:
    """Call `follower` with every job of this kind that is done, in the transaction that ends it."""
    _followers.setdefault(kind, []).append(follower)


def tell(job: "Job") -> None:
    """Call who follows the kind of the job; one that fails is logged and undone, the job is done anyway."""
    for follower in _followers.get(job.kind, ()):
        try:
            with transaction.atomic():
                follower(job)
        except Exception:
            logger.exception("job %s: what was to follow it failed", job.pk)
