"""SlowFast, Slow, C2D and I3D equal the authors' code, which runs in an environment beside ours."""

import json
from pathlib import Path

import pytest

from tests.indexing.compute.video.references import NEEDED, told_by
from tests.indexing.compute.video.slow_cases import CASES

pytestmark = [NEEDED, pytest.mark.slow]
GOLDENS = Path(__file__).with_name("slow_goldens.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the comparison says, and the goldens it writes."""
    path = tmp_path_factory.mktemp("references") / "goldens.json"
    return told_by("slow_references", str(path)), path


def test_features_and_scores_equal_pyslowfast(made):
    told = made[0]["pyslowfast"]
    assert [each["case"] for each in told] == [case.name for case in CASES]
    assert [each["case"] for each in told if each["feature"] > 1e-4 or each.get("scores", 0) > 1e-4] == []
    assert sum("scores" in each for each in told) >= 5


def test_features_equal_pytorchvideo_under_its_own_names(made):
    told = made[0]["pytorchvideo"]
    assert len(told) >= 8
    assert [each["case"] for each in told if each["feature"] > 1e-4 or not each["has_our_names"]] == []


def test_slowfast_extract_writes_what_the_originals_steps_give_with_its_own_network():
    told = told_by("extraction_references")["extraction"]
    assert len(told) == 4
    assert [each["case"] for each in told if each["apart"] is None or each["apart"] > 1e-4] == []


def test_blobs_of_caffe2_get_the_names_of_pyslowfasts_own_table(made):
    assert made[0]["caffe2"]["different"] == []
    assert made[0]["caffe2"]["checked"] > 1500


def test_published_widths_are_equal_and_their_weights_fit_both_ways(made):
    assert [each["case"] for each in made[0]["full_width"] if each["scores"] > 1e-4] == []


def test_the_stored_goldens_are_what_pyslowfast_gives(made):
    stored, fresh = json.loads(GOLDENS.read_text(encoding="utf-8")), json.loads(made[1].read_text())
    assert stored["num_weights"] == fresh["num_weights"]
    for case, features in fresh["features"].items():
        for new, old in zip(features, stored["features"][case], strict=True):
            assert new == pytest.approx(old, rel=1e-3, abs=1e-4), case
