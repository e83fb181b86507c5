"""Jobs: enqueue, run, report, finish, cancel, retry. `from sisyphus_web.jobs import services as jobs`."""

from sisyphus_web.jobs.errors import JobError, Stopped
from sisyphus_web.jobs.services.lease import Lease, hear, lease_kept, report
from sisyphus_web.jobs.services.people import cancel, enqueue, is_own, retry
from sisyphus_web.jobs.services.states import (
    MOVES,
    claim,
    fail,
    finish,
    finishing,
    give_back,
    log,
    move,
    take_back,
)
from sisyphus_web.jobs.services.work import running

__all__ = [
    "MOVES",
    "JobError",
    "Lease",
    "Stopped",
    "cancel",
    "claim",
    "enqueue",
    "fail",
    "finish",
    "finishing",
    "give_back",
    "hear",
    "is_own",
    "lease_kept",
    "log",
    "move",
    "report",
    "retry",
    "running",
    "take_back",
]
