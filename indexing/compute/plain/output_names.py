"""Which output belongs to which input, when sub-folders are kept and no two may meet."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath


def outputs_of(names: Sequence[str], suffix: str) -> dict[str, str]:
    """Relative input -> relative output: the stem with `suffix`; of those that would meet, the whole names.

    [a.jpg, b/c.png] -> a.npy, b/c.npy;  [a.jpg, a.png] -> a.jpg.npy, a.png.npy
    """
    outputs = {name: str(PurePosixPath(name).with_suffix("")) + suffix for name in names}
    while meeting := _meeting(outputs):
        for name in meeting:
            outputs[name] = name + suffix
    return outputs


def _meeting(outputs: dict[str, str]) -> list[str]:
    # Folded, since some file systems take a.npy and A.npy for one.
    counts = Counter(output.casefold() for output in outputs.values())
    return [
        name
        for name, output in outputs.items()
        if counts[output.casefold()] > 1 and not output.startswith(name + ".")
    ]
