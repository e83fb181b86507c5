"""I3D dot-product, Video Swin and C3D equal mmaction2's, which runs in an environment beside ours."""

import json
from pathlib import Path

import pytest

from tests.indexing.compute.video.other_cases import CASES
from tests.indexing.compute.video.references import NEEDED, told_by

pytestmark = [NEEDED, pytest.mark.slow]
GOLDENS = Path(__file__).with_name("mmaction2_goldens.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the comparison says of each case, and the goldens it writes."""
    path = tmp_path_factory.mktemp("references") / "goldens.json"
    return told_by("mmaction2_references", str(path))["mmaction2"], path


def test_features_equal_mmaction2s(made):
    assert [each["case"] for each in made[0]] == [case.name for case in CASES]
    assert [each["case"] for each in made[0] if each["feature"] > 1e-4] == []


def test_checkpoints_of_mmengine_are_read_message_hub_and_all(made):
    head = ["cls_head.fc_cls.bias", "cls_head.fc_cls.weight"]
    for each, case in zip(made[0], CASES, strict=True):
        assert (each["detected"], each["convention"]) == (case.architecture, "mmaction2")
        assert each["dropped"] == [*head, "message_hub", "meta"]
        assert each["num_classes"] == 400


def test_the_stored_goldens_are_what_mmaction2_gives(made):
    stored, fresh = json.loads(GOLDENS.read_text(encoding="utf-8")), json.loads(made[1].read_text())
    assert stored["names"] == fresh["names"]
    for case, features in fresh["features"].items():
        for new, old in zip(features, stored["features"][case], strict=True):
            assert new == pytest.approx(old, rel=1e-3, abs=1e-4), case
