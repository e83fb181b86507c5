"""A second look at what a query finds near: every answer votes for what lies around it.

A line cannot part a class that lies in several places from what lies between them; a Gaussian kernel can.
Its scores cost a comparison with every answer, so it re-orders what the query found, not a whole corpus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeling.compute.guard import Judged, judge
from labeling.compute.ridge import Ridge

SHARPNESS = 2.0  # of the kernel: a pair as unlike as two random rows has exp(-SHARPNESS)
KERNEL_RIDGE = 0.01  # lambda, beside a total weight of 1 for the accepted and kernels of 1 at most


@dataclass(frozen=True, slots=True)
class Reranker:
    """Similarities from kernels: level + sum of a_i exp(sharpness (x_i.x - 1)), for x and x_i of length 1."""

    answers: np.ndarray  # (m, D) float32, of length 1: x_i
    coefficients: np.ndarray  # (m,) float32: a_i
    level: float
    sharpness: float

    @property
    def num_bytes(self) -> int:
        return self.answers.nbytes + self.coefficients.nbytes

    def similarities(self, vectors: np.ndarray) -> np.ndarray:
        """(n,) float32 of `vectors` (n, D) float32 of length 1, on the scale of the query's similarities.

        What is very like many answers may lie above 1.
        """
        near = vectors @ (np.float32(self.sharpness) * self.answers).T
        near -= np.float32(self.sharpness)
        np.exp(near, out=near)
        result: np.ndarray = near @ self.coefficients + np.float32(self.level)
        return result


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A reranker, and how it was judged."""

    reranker: Reranker
    judged: Judged
    left_out: np.ndarray  # (a,) similarities of the answers, from models that did not see their fold


def second_look(
    q0: np.ndarray,
    x: np.ndarray,
    gram: np.ndarray,
    targets: np.ndarray,
    c: np.ndarray,
    folds: np.ndarray,
    spread: float,
    *,
    by_query: np.ndarray,
    sizes: list[int],
    groups: np.ndarray,
) -> SecondLook | None:
    """Kernel ridge regression of `targets` (n,) on `x` (n, D), as far as it may be trusted; None: not at all.

    Rows are `sizes` accepted, rejected and undecided ones, with weights `c` (n,) and `folds` (n,); `gram` is
    x x.T, `spread` the mean squared distance of the rows from their mean. It is judged as a learned query is,
    against the start query `q0` (D,); `groups` are those of the accepted. `by_query` (accepted + rejected,)
    are similarities of the answers, whose scale its own are brought to.
    """
    sharpness = SHARPNESS / spread
    kernels = np.exp(np.float32(sharpness) * (gram - 1))
    model = Ridge.fit(x, targets, c, KERNEL_RIDGE, gram=kernels)
    kept = np.arange(len(x))
    hidden = looks_accepted(targets - model.left_out_errors(folds), sizes)
    if len(hidden):
        kept, model = np.delete(kept, hidden), model.without(hidden)
    held_out = model.targets - model.left_out_errors(folds[kept])
    # As one more kernel the start query ranks as it did, and what it sets apart is on the same scale.
    start = np.exp(sharpness * ((model.x @ q0).astype(np.float64) - 1))
    judged = judge(start, held_out, sizes, groups)
    if not judged.blend:
        return None
    a = model.coefficients
    intercept = targets[0] - kernels[0, kept] @ a - KERNEL_RIDGE / c[0] * a[0]  # the same from every row
    own = ((1 - judged.blend) * start + judged.blend * held_out)[: len(by_query)]
    slope = float(by_query.std()) / max(float(own.std()), 1e-9)
    level = float(by_query.mean()) - slope * float(own.mean())
    reranker = Reranker(
        np.concatenate([model.x, q0[None]]),
        (slope * np.append(judged.blend * a, 1 - judged.blend)).astype(np.float32),
        level + slope * judged.blend * float(intercept),
        sharpness,
    )
    return SecondLook(reranker, judged, np.clip(level + slope * own, -1.0, 1.0))


def looks_accepted(scores: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Rows of the undecided that a model made without them puts above half of the accepted: not negatives.

    `scores` (n,) are of `sizes` accepted, rejected and undecided rows, in this order.
    """
    undecided = np.arange(sizes[0] + sizes[1], len(scores))
    return undecided[scores[undecided] > np.median(scores[: sizes[0]])]
