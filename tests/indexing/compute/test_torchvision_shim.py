"""torchvision is had without torch's compiler, whose import takes as long as all of torch."""

import subprocess
import sys
from pathlib import Path

from indexing.compute import torchvision_shim

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
from indexing.compute.torchvision_shim import torchvision
torchvision.models.resnet18(weights=None)
assert not [name for name in sys.modules if name.startswith("torch._dynamo")]
"""


def test_torchvision_is_had_without_torchs_compiler():
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, check=True, timeout=300)


def test_torchs_compiler_is_there_when_asked_for():
    import torch._dynamo.utils as of_torch

    assert torchvision_shim._is_compile_supported("cpu") == of_torch.is_compile_supported("cpu")
    assert Path(of_torch.__file__).name == "utils.py"
