"""A whole instance on an empty data directory, with one corpus of labeled photos, encoded and indexed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.annotate_sim.photos import vectors_of
from tests.e2e.instance import Client, Instance

PAGE = 500  # tiles of one answer, at most
ALL_STATES = ["untouched", "weak", "unsure", "accept", "reject"]


class Site:
    """An instance of its own, driven over REST as a browser does."""

    def __init__(self, photos: list[Path], *, weights: Path | None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="annotate-sim-"))
        self.folder.chmod(0o755)
        media = self.folder / "media"
        for path in photos:
            (media / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, media / path.parent.name / f"{path.parent.name}~{path.name}")
        models = self.folder / "sisyphus" / "models"
        models.mkdir(parents=True)
        models.parent.chmod(0o700)
        if weights is not None:
            shutil.copyfile(weights, models / "mobilenet_v2-imagenet.pt")
        self.encoder = "torchvision:mobilenet_v2@1" if weights else "builtin@1"
        self.instance = Instance(models.parent, media)
        self.instance.start()
        self.client = Client(self.instance.url)
        self.client.sign_in("operator", self.instance.password)
        self.api = f"/api/v1/corpora/{self.posted('/api/v1/corpora/', name='photos')['id']}"
        self.posted(f"{self.api}/sources/", path=str(media))
        jobs = self.client.call("GET", f"{self.api}/jobs/").json["results"]
        for job in sorted(jobs, key=lambda job: job["id"]):
            self.client.done(f"{self.api}/jobs/{job['id']}/", seconds=900)
        vectors = vectors_of(photos, encoder=self.encoder, weights=weights)
        of_file = {
            f"{path.parent.name}~{path.name}": vector for path, vector in zip(photos, vectors, strict=True)
        }
        self.names: dict[int, str] = {}  # item -> class
        self.vectors: dict[int, np.ndarray] = {}  # item -> its vector, encoded on the client's side
        for tile in self.ranking([{"kind": "item", "item": self.any_item()}]):
            name = Path(tile["name"]).name
            self.names[tile["item"]], self.vectors[tile["item"]] = name.partition("~")[0], of_file[name]

    def posted(self, address: str, /, **body: Any) -> Any:
        answer = self.client.call("POST", address, body)
        if answer.status >= 300:
            raise RuntimeError(f"{address}: {answer.status} {answer.body[:500]!r}")
        return answer.json

    def any_item(self) -> int:
        item: int = self.client.call("GET", f"{self.api}/items/?page_size=1").json["results"][0]["id"]
        return item

    def items_of(self, name: str) -> list[int]:
        return sorted(item for item, each in self.names.items() if each == name)

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
