"""Failures that a person can do something about; anything else a job raises is a bug of ours."""

from sisyphus_web.errors import JobError

__all__ = ["GpuOutOfMemory", "JobError", "NoSpace", "OutOfMemory", "Stopped"]


class NoSpace(JobError):
    """The disk is full, or below the floor that is kept free."""

    code = "no-space"


class OutOfMemory(JobError):
    """The worker has no memory left for this."""

    code = "out-of-memory"


class GpuOutOfMemory(JobError):
    """The GPU has no memory left, even for the smallest batch."""

    code = "gpu-oom"


class Stopped(Exception):
    """The job was cancelled or given to another worker: write nothing more. Not an error."""
