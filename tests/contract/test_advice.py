"""Every way a job can fail has a sentence that says what to do."""

import importlib
import pkgutil

import pytest

from sisyphus_web.jobs.advice import ADVICE
from sisyphus_web.jobs.errors import JobError

OURS = (
    "sisyphus_web.jobs.services",
    "indexing.services",
    "indexing.tasks",
    "labeling.services",
    "labeling.tasks",
)


def every_error() -> list[type[JobError]]:
    for package in OURS:
        try:
            found = importlib.import_module(package)
        except ModuleNotFoundError:
            continue
        for module in pkgutil.walk_packages(getattr(found, "__path__", []), f"{package}."):
            importlib.import_module(module.name)
    errors, todo = [], [JobError]
    while todo:
        error = todo.pop()
        errors.append(error)
        todo += error.__subclasses__()
    return sorted(
        (each for each in errors if not each.__module__.startswith("tests.")), key=lambda each: each.code
    )


@pytest.mark.parametrize("error", every_error(), ids=lambda error: f"{error.__module__}.{error.__name__}")
def test_every_error_has_a_sentence_of_advice(error):
    assert error.code in ADVICE, f"jobs/advice.py has no sentence for {error.code!r} ({error.__name__})"
    assert ADVICE[error.code].endswith(".")
