"""What training refuses, as people are told it: the codes are those of compute, or stand here."""

from __future__ import annotations

from sisyphus_web.jobs.errors import JobError
from training.compute import answers, refusals

REFUSALS = (answers.TrainingRefused, refusals.TrainingRefused)


class NotTrainable(JobError):
    """The answers, pictures or settings cannot train or judge a classifier; `code` says why."""

    code = "training-refused"

    def __init__(self, error: answers.TrainingRefused | refusals.TrainingRefused) -> None:
        text = str(error)
        super().__init__(text[:1].upper() + text[1:] + ("" if text.endswith(".") else "."))
        self.code = error.code


class CrossingSplit(JobError):
    """Stacks made since have joined items of two sides of the dataset version."""

    code = "crossing-split"


class ClassNotInVersion(JobError):
    """A class is asked for that the dataset version does not hold."""

    code = "class-not-in-version"


class NoFeatures(JobError):
    """The corpus has no features, or the items of the dataset version have none."""

    code = "no-features"


class WrongUnit(JobError):
    """The dataset version is of frames and the features of clips, or the other way round."""

    code = "wrong-unit"


class OtherClasses(JobError):
    """A line of versions has one list of classes, so that its scores can be compared."""

    code = "other-classes"


class DifferentTestSets(JobError):
    """Two versions were judged on different items, so their numbers say nothing about each other."""

    code = "different-test-sets"


class TrainedOnTestSet(JobError):
    """What the versions are to be compared on was learned from by one of them."""

    code = "trained-on-test-set"


class NotScored(JobError):
    """The scores that are asked for are not there yet."""

    code = "not-scored"


class AlreadyLive(JobError):
    """The version is the live one already, or there is none to go back to."""

    code = "already-live"


class ArtefactDamaged(JobError):
    """A file of a classifier version, or of its scores, is missing or not the one that was written."""

    code = "classifier-damaged"
