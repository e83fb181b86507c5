"""What training refuses has a sentence that says what to do."""

import ast
from pathlib import Path

import pytest

from sisyphus_web.jobs.advice import ADVICE
from training import compute

ONLY_ON_PLAIN_FILES = {"image_folders.py", "old_checkpoints.py"}  # no job meets them


def every_code() -> list[str]:
    """The codes that are given to TrainingRefused; one for each side where a side is part of it."""
    codes = set()
    for path in Path(compute.__path__[0]).glob("*.py"):
        if path.name in ONLY_ON_PLAIN_FILES:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "TrainingRefused":
                said = node.args[0]
                codes |= {said.value} if isinstance(said, ast.Constant) else {"no-train", "no-val"}
    return sorted(codes)


@pytest.mark.parametrize("code", every_code())
def test_every_refusal_of_a_job_has_a_sentence_of_advice(code):
    assert code in ADVICE, f"jobs/advice.py has no sentence for {code!r}"
