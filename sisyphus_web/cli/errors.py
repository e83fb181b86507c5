"""How a verb of `sfi` ends."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit status of every verb."""

    DONE = 0  # every input done or skipped
    FAILED = 1
    REFUSED = 2  # bad arguments, or a mismatch found before work
    SOME_REJECTED = 3  # finished; some inputs were rejected


class CliError(Exception):
    """A sentence for the person at the command line, and the exit status."""

    def __init__(self, sentence: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(sentence)
        self.code = code
