"""How a tile that was mixed in looks like its neighbors: marks that no client can tell from theirs.

What is mixed in gets a place and a similarity by lot. The lot is the same whenever the page is asked for:
asking again does not move what is mixed in and nothing else. It hangs on the secret key: nobody works it out.
"""

from __future__ import annotations

import numpy as np
from django.utils.crypto import salted_hmac


def lot_of(*what: int | str) -> float:
    """A number in [0, 1) for `what`, always the same one, uniform over whatever else it might be."""
    digest = salted_hmac("labeling.blending", repr(what), algorithm="sha256").digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def similarity_between(before: float | None, after: float | None, lot: float) -> float | None:
    """A similarity between those of the neighbors, with as many digits as theirs; None in a mere list.

    Not their mean, which no other tile has.
    """
    if before is None or after is None:
        return before if after is None else after
    return float(np.float32(after + (before - after) * lot))
