"""FFmpeg's own commands: the oracle for what is decoded. Without them a test that asks for one skips."""

import shutil

import pytest


def command(name: str) -> str:
    """The path of `ffmpeg` or `ffprobe`."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name}: apt-get install -y ffmpeg")
    return path
