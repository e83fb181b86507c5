"""The product itself: a whole instance on an empty data directory, driven over REST as a browser does.

    python -m benchmarks.annotate_sim.rest --photos FOLDER [--weights FILE.pt] [--every 1] [--per-class 400]

Without `--weights` the built-in descriptor encodes. Every class of photos is made a label class; each batch
is answered with POST /verdicts/ and followed by POST /rank/ with mode "learned". Seconds of system time are
those two requests, as the client sees them. Static similarity is read from one ranking of the same start.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from benchmarks.annotate_sim.annotator import BATCH, Session
from benchmarks.annotate_sim.photos import CLUTTER
from benchmarks.annotate_sim.report import OURS, summary
from benchmarks.search_site import conditions, keep
from labeling.compute.ranking import average_precision
from tests.e2e.instance import Client, Instance

PAGE = 500  # tiles of one answer, at most


class Site:
    """An instance with one corpus of the photos, encoded and indexed."""

    def __init__(self, photos: Path, *, weights: Path | None, per_class: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="annotate-sim-"))
        self.folder.chmod(0o755)
        media = self.folder / "media"
        for path in sorted(photos.glob("*/*.jpg")):
            if int(path.stem.rpartition("_")[2]) <= per_class:
                (media / path.parent.name).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, media / path.parent.name / f"{path.parent.name}~{path.name}")
        models = self.folder / "sisyphus" / "models"
        models.mkdir(parents=True)
        models.parent.chmod(0o700)
        if weights is not None:
            shutil.copyfile(weights, models / "mobilenet_v2-imagenet.pt")
        self.instance = Instance(models.parent, media)
        self.instance.start()
        self.client = Client(self.instance.url)
        self.client.sign_in("operator", self.instance.password)
        self.api = f"/api/v1/corpora/{self.posted('/api/v1/corpora/', name='photos')['id']}"
        self.posted(f"{self.api}/sources/", path=str(media))
        jobs = self.client.call("GET", f"{self.api}/jobs/").json["results"]
        for job in sorted(jobs, key=lambda job: job["id"]):
            self.client.done(f"{self.api}/jobs/{job['id']}/", seconds=900)
        self.names: dict[int, str] = {}  # item -> class
        for tile in self.ranking([{"kind": "item", "item": self.any_item()}]):
            self.names[tile["item"]] = Path(tile["name"]).name.partition("~")[0]

    def posted(self, address: str, /, **body: Any) -> Any:
        answer = self.client.call("POST", address, body)
        if answer.status >= 300:
            raise RuntimeError(f"{address}: {answer.status} {answer.body[:500]!r}")
        return answer.json

    def any_item(self) -> int:
        item: int = self.client.call("GET", f"{self.api}/items/?page_size=1").json["results"][0]["id"]
        return item

    def ranking(self, terms: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Every item, nearest first."""
        tiles: list[dict[str, Any]] = []
        asked: dict[str, Any] = {"terms": terms, "k": PAGE, "fold": False}
        while True:
            answer = self.posted(f"{self.api}/rank/", **asked, offset=len(tiles))
            tiles += answer["neighbors"]
            asked["round"] = answer["round"]
            if len(tiles) >= answer["total"]:
                return tiles

    def stop(self) -> None:
        self.instance.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def look_for(site: Site, name: str, start: int) -> Session:
    """One annotator, one class: answers BATCH tiles, asks for the next that were learned from them."""
    num_wanted = sum(each == name for each in site.names.values())
    session = Session(num_wanted)
    label_class = site.posted(f"{site.api}/classes/", name=f"{name} {start}")["id"]
    asked: dict[str, Any] = {"class": label_class, "terms": [{"kind": "item", "item": start}], "fold": False}
    mode = "similar"
    while not session.is_over():
        begun = time.perf_counter()
        found = site.posted(f"{site.api}/rank/", **asked, mode=mode, k=BATCH)
        ranked = time.perf_counter() - begun
        tiles, batch = found["neighbors"], str(uuid4())
        if not tiles:
            break
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
                "mode": mode,
            }
            for tile, wanted in zip(tiles, is_wanted, strict=True)
        ]
        begun = time.perf_counter()
        results = site.posted(f"{site.api}/verdicts/", operations=operations)["results"]
        session.seconds.append(ranked + time.perf_counter() - begun)
        if any(result["outcome"] != "applied" for result in results):
            raise RuntimeError(f"an answer was not taken: {results}")
        session.hits += is_wanted
        mode = "learned"
    # The product does not show a ranking of the decided: the last one over everything is asked for once.
    order = site.posted(
        f"{site.api}/rank/",
        **asked,
        mode=mode,
        k=PAGE,
        filters={"states": ["untouched", "weak", "unsure", "accept", "reject"]},
    )["neighbors"]
    session.precisions = [_precision(site, name, _first(site, start)), _precision(site, name, order)]
    return session


def _first(site: Site, start: int) -> list[dict[str, Any]]:
    term = {"kind": "item", "item": start}
    tiles: list[dict[str, Any]] = site.posted(f"{site.api}/rank/", terms=[term], k=PAGE, fold=False)[
        "neighbors"
    ]
    return tiles


def _precision(site: Site, name: str, tiles: list[dict[str, Any]]) -> float:
    """Average precision of the first PAGE places; what is not among them counts as not found."""
    hits = np.array([site.names[tile["item"]] == name for tile in tiles])
    num = sum(each == name for each in site.names.values())
    return average_precision(-np.arange(len(hits), dtype=float), hits) * hits.sum() / min(num, PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--per-class", type=int, default=10_000)
    asked = parser.parse_args()
    site = Site(asked.photos, weights=asked.weights, per_class=asked.per_class)
    try:
        sessions: dict[str, dict[str, list[Session]]] = {OURS: {}, "static similarity": {}}
        classes = sorted({*site.names.values()} - {CLUTTER})[:: asked.every]
        for number, name in enumerate(classes):
            own = sorted(item for item, each in site.names.items() if each == name)
            start = int(np.random.default_rng([number, 0]).choice(own))
            sessions[OURS][name] = [look_for(site, name, start)]
            still = Session(len(own))
            still.hits = [
                site.names[t["item"]] == name for t in site.ranking([{"kind": "item", "item": start}])
            ]
            still.precisions = sessions[OURS][name][0].precisions[:1]
            sessions["static similarity"][name] = [still]
    finally:
        site.stop()
    result: dict[str, Any] = {
        "benchmark": "simulated annotator, over REST",
        "encoder": "torchvision:mobilenet_v2@1" if asked.weights else "builtin@1",
        "photos": len(site.names),
        "classes": len(classes),
        "batch": BATCH,
        "conditions": conditions(),
        **summary(sessions),
    }
    keep(f"annotate_sim_rest_{'mobilenet_v2' if asked.weights else 'builtin'}", result)


if __name__ == "__main__":
    main()
