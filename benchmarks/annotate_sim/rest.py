"""The product itself: a whole instance on an empty data directory, driven over REST as a browser does.

    python -m benchmarks.annotate_sim.rest --photos FOLDER [--weights FILE.pt] [--prevalence 0.01]
        [--every 8] [--starts 3] [--per-class 40] [--most 400]

Without `--weights` the built-in descriptor encodes. Every `--every`-th class is looked for, and left with
`--prevalence` of all photos; of the other classes at most `--per-class` stay. Each batch is answered with
POST /verdicts/ and followed by POST /rank/; seconds of system time are those two requests and what the
client computes, as the client sees them. A session ends when 95 % is found or after `--most` decisions: then
that number stands for what it would have taken. Static similarity and random order need no requests but one.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from benchmarks.annotate_sim.annotator import BATCH, Session
from benchmarks.annotate_sim.photos import CLUTTER
from benchmarks.annotate_sim.report import NEVER, summary
from benchmarks.annotate_sim.rest_policies import REST_POLICIES, Answers, RestPolicy, from_start
from benchmarks.annotate_sim.site import ALL_STATES, PAGE, Site
from benchmarks.search_site import conditions, keep
from labeling.compute.ranking import average_precision

FEWEST = 3  # photos of a class made rare: one to start from, and something to be found
ROUNDS = 10  # of which the average precision is asked for


def look_for(site: Site, name: str, start: int, policy_name: str, *, most: int) -> Session:
    """One annotator, one class: answers BATCH tiles, asks for the next that the policy makes of them."""
    policy: RestPolicy = REST_POLICIES[policy_name]
    session = Session(len(site.items_of(name)))
    label_class = site.posted(f"{site.api}/classes/", name=f"{name} {start} {policy_name}")["id"]
    answers = Answers(start, label_class)
    while not session.is_over() and len(session.hits) < most:
        begun = time.perf_counter()
        query = policy(site, answers) if answers.accepted else from_start(answers)
        asked = {**query, "class": label_class, "fold": False}
        found = site.posted(f"{site.api}/rank/", **asked, k=BATCH)
        ranked = time.perf_counter() - begun
        tiles, batch = found["neighbors"], str(uuid4())
        if not tiles:
            break
        if len(session.precisions) < ROUNDS:
            session.precisions.append(_precision(site, name, asked))
        is_wanted = [site.names[tile["item"]] == name for tile in tiles]
        operations = [
            {
                "operation_id": str(uuid4()),
                "batch": batch,
                "item": tile["item"],
                "class": label_class,
                "answer": "accept" if wanted else "reject",
                "base_version": tile["version"],
                "round": found["round"],
                "rank": tile["rank"],
                "mode": query["mode"],
            }
            for tile, wanted in zip(tiles, is_wanted, strict=True)
        ]
        begun = time.perf_counter()
        results = site.posted(f"{site.api}/verdicts/", operations=operations)["results"]
        session.seconds.append(ranked + time.perf_counter() - begun)
        if any(result["outcome"] != "applied" for result in results):
            raise RuntimeError(f"an answer was not taken: {results}")
        session.hits += is_wanted
        for tile, wanted in zip(tiles, is_wanted, strict=True):
            (answers.accepted if wanted else answers.rejected).append(tile["item"])
    if answers.accepted:
        asked = {**policy(site, answers), "class": label_class, "fold": False}
        session.precisions.append(_precision(site, name, asked))
    return session


def _precision(site: Site, name: str, asked: dict[str, Any]) -> float:
    """Average precision over all, decided or not; what is not in the first PAGE places is not found."""
    found = site.posted(f"{site.api}/rank/", **asked, k=PAGE, filters={"states": ALL_STATES})
    hits = np.array([site.names[tile["item"]] == name for tile in found["neighbors"]])
    num = len(site.items_of(name))
    return average_precision(-np.arange(len(hits), dtype=float), hits) * hits.sum() / min(num, PAGE)


def _in_order(site: Site, name: str, items: list[int], *, most: int) -> Session:
    """What answering in a fixed order finds."""
    hits = np.array([site.names[item] == name for item in items])
    precision = average_precision(-np.arange(len(hits), dtype=float), hits)
    return Session(int(hits.sum()), hits.tolist()[:most], [precision], [0.0])


def chosen(folder: Path, *, every: int, prevalence: float, per_class: int) -> tuple[list[Path], list[str]]:
    """(photos, classes looked for): each of these with `prevalence` of all photos."""
    of_class = {each.name: sorted(each.glob("*.jpg")) for each in sorted(folder.iterdir()) if each.is_dir()}
    wanted = [name for name in of_class if name != CLUTTER][::every]
    others = sum(min(len(paths), per_class) for name, paths in of_class.items() if name not in wanted)
    each = max(FEWEST, round(prevalence * others / (1 - prevalence * len(wanted))))
    photos = [path for name, of in of_class.items() for path in of[: each if name in wanted else per_class]]
    return photos, wanted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--prevalence", type=float, default=0.01)
    parser.add_argument("--every", type=int, default=8)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--per-class", type=int, default=40)
    parser.add_argument("--most", type=int, default=400)
    asked = parser.parse_args()
    photos, classes = chosen(
        asked.photos, every=asked.every, prevalence=asked.prevalence, per_class=asked.per_class
    )
    sessions: dict[str, dict[str, list[Session]]] = {
        each: {name: [] for name in classes} for each in (*REST_POLICIES, "static similarity", NEVER)
    }
    site = Site(photos, weights=asked.weights)
    try:
        for number, name in enumerate(classes):
            rng = np.random.default_rng([number, 0])
            starts = rng.permutation(site.items_of(name))[: asked.starts].tolist()
            for start in starts:
                for policy in REST_POLICIES:
                    made = look_for(site, name, start, policy, most=asked.most)
                    sessions[policy][name].append(made)
                still = [tile["item"] for tile in site.ranking([{"kind": "item", "item": start}])]
                for policy, order in (("static similarity", still), (NEVER, rng.permutation(still).tolist())):
                    sessions[policy][name].append(_in_order(site, name, order, most=asked.most))
    finally:
        site.stop()
    result: dict[str, Any] = {
        "benchmark": "simulated annotator, over REST",
        "encoder": site.encoder,
        "photos": len(site.names),
        "classes": len(classes),
        "starts_per_class": asked.starts,
        "prevalence": asked.prevalence,
        "most_decisions": asked.most,
        "batch": BATCH,
        "conditions": conditions(),
        **summary(sessions),
    }
    keep(f"annotate_sim_rest_{'mobilenet_v2' if asked.weights else 'builtin'}", result)


if __name__ == "__main__":
    main()
