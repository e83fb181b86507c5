"""Every policy on a matrix in memory.

    python -m benchmarks.annotate_sim.offline --photos FOLDER [--encoder KEY] [--weights FILE.pt]
        [--starts 3] [--prevalence 0.001] [--every 1]

Figures of a class are means over its start examples, so that one lucky start does not decide.
`--prevalence` leaves out photos of the class until it is that rare (at least three stay); `--every 2` takes
every second class.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_site import conditions, keep  # sets the number of BLAS threads

from benchmarks.annotate_sim.annotator import Session, annotate  # isort: skip
from benchmarks.annotate_sim.photos import Photos, encoded  # isort: skip
from benchmarks.annotate_sim.policies import POLICIES  # isort: skip
from benchmarks.annotate_sim.report import OURS, summary  # isort: skip

FEWEST = 3  # photos of a class made rare: one to start from, and something to be found


def simulate(
    photos: Photos, policy: str, *, starts: int, prevalence: float | None, every: int
) -> dict[str, list[Session]]:
    """Class -> a session per start example; the same examples for every policy."""
    sessions: dict[str, list[Session]] = {}
    for number, name in enumerate(photos.classes[::every]):
        for seed in range(starts):
            rng = np.random.default_rng([number, seed])
            is_wanted, pool = photos.names == name, np.ones(len(photos.names), bool)
            if prevalence is not None:
                left = max(FEWEST, round(prevalence * len(photos.names)))
                own = rng.permutation(np.flatnonzero(is_wanted))
                pool[own[left:]] = False
                is_wanted = is_wanted & pool
            start = int(rng.choice(np.flatnonzero(is_wanted)))
            session = annotate(
                photos.vectors, is_wanted, start, POLICIES[policy](photos.vectors, start), pool
            )
            sessions.setdefault(name, []).append(session)
    return sessions


def kept_or_simulated(photos: Photos, policy: str, **asked: Any) -> dict[str, list[Session]]:
    """The same, of the policies compared with from the last run: ours changes more often than they do."""
    if policy == OURS:
        return simulate(photos, policy, **asked)
    here = Path(__file__).parent
    sources = [(here / name).read_bytes() for name in ("annotator.py", "policies.py")]
    key = hashlib.sha256(b"".join([photos.vectors.tobytes(), *sources, repr((policy, asked)).encode()]))
    kept = Path(tempfile.gettempdir()) / f"annotate-sim-{key.hexdigest()[:16]}.json"
    if not kept.exists():
        made = simulate(photos, policy, **asked)
        kept.write_text(
            json.dumps({name: [asdict(each) for each in of] for name, of in made.items()}, default=float)
        )
    return {name: [Session(**each) for each in of] for name, of in json.loads(kept.read_text()).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--encoder", default="torchvision:mobilenet_v2@1")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--prevalence", type=float)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--policies", nargs="*", default=list(POLICIES), choices=list(POLICIES))
    asked = parser.parse_args()
    photos = encoded(asked.photos, encoder=asked.encoder, weights=asked.weights)
    how = {"starts": asked.starts, "prevalence": asked.prevalence, "every": asked.every}
    sessions = {policy: kept_or_simulated(photos, policy, **how) for policy in asked.policies}
    result: dict[str, Any] = {
        "benchmark": "simulated annotator, on a matrix",
        "encoder": asked.encoder,
        "photos": len(photos.names),
        "classes": len(photos.classes[:: asked.every]),
        "starts_per_class": asked.starts,
        "prevalence": asked.prevalence,
        "conditions": conditions(),
        **summary(sessions),
    }
    kind = asked.encoder.partition("@")[0].rpartition(":")[2]
    rare = f"_{asked.prevalence:g}" if asked.prevalence else ""
    keep(f"annotate_sim_{kind}{rare}", result)


if __name__ == "__main__":
    main()
