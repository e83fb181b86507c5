"""Dataset versions: what counts, frozen into a list with its hash, split without leaks, and its card."""

from labeling.services.datasets.entries import canonical_sha256, num_crossings
from labeling.services.datasets.frozen import MixedUnits, NothingToFreeze
from labeling.services.datasets.versions import create_version

__all__ = ["MixedUnits", "NothingToFreeze", "canonical_sha256", "create_version", "num_crossings"]
