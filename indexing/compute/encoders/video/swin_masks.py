"""Which patches of a shifted window may look at each other, in operations that an exporter understands.

torchvision writes regions into a tensor in place; what comes out of an export of that no runtime reads.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from indexing.compute.torchvision_shim import torchvision

HIDDEN = -100.0  # added before the softmax, as torchvision does


def attention_mask(
    x: torch.Tensor, size: Sequence[int], window: Sequence[int], shift: Sequence[int]
) -> torch.Tensor:
    """(windows, P, P) float32: 0 between places of one region, HIDDEN between others; P places in a window.

    A shift rolls the far end of each axis to its begin: there, what was not beside each other meets
    (Liu et al. 2021, arXiv 2103.14030, figure 4).
    """
    frames, rows, columns = (
        torch.tensor(_regions(*axis), dtype=torch.float32, device=x.device)
        for axis in zip(size, window, shift, strict=True)
    )
    regions = 9 * frames[:, None, None] + 3 * rows[:, None] + columns  # (T, H, W)
    parts = [part for n, w in zip(size, window, strict=True) for part in (n // w, w)]
    in_windows = regions.view(parts).permute(0, 2, 4, 1, 3, 5).reshape(-1, window[0] * window[1] * window[2])
    return (in_windows.unsqueeze(1) != in_windows.unsqueeze(2)).to(torch.float32) * HIDDEN


def _regions(size: int, window: int, shift: int) -> list[int]:
    """The region of each place along one axis, after the shift: before the last window, in it, at its end."""
    if shift == 0:
        return [0] * size
    return [(place >= size - window) + (place >= size - shift) for place in range(size)]


@contextmanager
def exportable() -> Iterator[None]:
    """Inside, torchvision's Swin networks take their masks from here."""
    swin = torchvision.models.video.swin_transformer
    plain = swin._compute_attention_mask_3d
    swin._compute_attention_mask_3d = attention_mask
    try:
        yield
    finally:
        swin._compute_attention_mask_3d = plain
