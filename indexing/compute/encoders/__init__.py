"""Encoders: what turns pictures into vectors. Nothing here imports torch before `load` needs it."""

from indexing.compute.encoders.catalog import BUILTIN, available, best, spec_of
from indexing.compute.encoders.encoder import Encoder
from indexing.compute.encoders.loading import load
from indexing.compute.encoders.specs import (
    EncoderSpec,
    EncoderState,
    EncoderUnknown,
    TextNotRead,
    WeightsMissing,
    WeightsRefused,
)

__all__ = [
    "BUILTIN",
    "Encoder",
    "EncoderSpec",
    "EncoderState",
    "EncoderUnknown",
    "TextNotRead",
    "WeightsMissing",
    "WeightsRefused",
    "available",
    "best",
    "load",
    "spec_of",
]
