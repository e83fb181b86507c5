"""One corpus: media in, queries, answers, classes, versions, classifiers, imports."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sisyphus_client.classifiers import Classifier
from sisyphus_client.datasets import DatasetVersion
from sisyphus_client.imports import LabelImport
from sisyphus_client.jobs import Job
from sisyphus_client.progress import OnProgress, silent
from sisyphus_client.queries import Answer, Answered, Neighbor, Ranking, Term
from sisyphus_client.runs import Kind, Run, Target
from sisyphus_client.transport import Transport
from sisyphus_client.uploads import upload

BATCH = 100  # answers in one request


@dataclass
class Corpus:
    """A collection of media with its classes and answers."""

    transport: Transport
    id: int
    name: str

    # media

    def upload(self, paths: Iterable[Path | str], *, on_progress: OnProgress = silent) -> Job:
        """Send files and start to take them in; the job. Files that broke off are continued."""
        ids = [upload(self.transport, self.id, Path(path), on_progress=on_progress) for path in paths]
        made = self.transport.post(f"corpora/{self.id}/uploads/finish/", {"uploads": ids})
        return Job.of(self.transport, self.id, made["job"])

    def jobs(self) -> Iterator[Job]:
        """Its jobs, newest first."""
        for said in self.transport.pages(f"corpora/{self.id}/jobs/"):
            yield Job(self.transport, self.id, said["id"], said)

    def wait_until_quiet(self, *, on_progress: OnProgress = silent) -> None:
        """Until no job of it can go on: after an upload, its media are searchable then."""
        while moving := [job for job in self.jobs() if job.status in {"queued", "running"}]:
            moving[-1].wait(on_progress=on_progress)

    def media(self) -> Iterator[dict[str, Any]]:
        """Its media files, newest first."""
        yield from self.transport.pages(f"corpora/{self.id}/media/", page_size=500)

    def items(self) -> Iterator[dict[str, Any]]:
        """Its items."""
        yield from self.transport.pages(f"corpora/{self.id}/items/", page_size=500)

    # classes, queries and answers

    def classes(self) -> dict[str, int]:
        """Name -> id of every class."""
        return {said["name"]: said["id"] for said in self.transport.pages(f"corpora/{self.id}/classes/")}

    def label_class(self, name: str, *, description: str = "") -> int:
        """The id of the class, made if there is none of that name."""
        known = self.classes().get(name)
        if known is not None:
            return known
        body = {"name": name, "description": description}
        return int(self.transport.post(f"corpora/{self.id}/classes/", body)["id"])

    def query_image(self, path: Path | str) -> str:
        """Send an image to search with; its id, for `Term.image`."""
        headers = {"Content-Type": "application/octet-stream"}
        data = Path(path).read_bytes()
        sent = self.transport.send("POST", f"corpora/{self.id}/query-images/", content=data, headers=headers)
        return str(sent.json()["id"])

    def query(
        self,
        terms: Sequence[Term] = (),
        *,
        label_class: int | None = None,
        mode: str = "similar",
        k: int = 100,
        filters: Mapping[str, Any] | None = None,
        line: str = "",
    ) -> Ranking:
        """The `k` best tiles for the terms, or with mode "learned" for what was answered of the class.

        `line` is one line of filters, as on the page: `kind:image -class:truck score:otter>=0.7`.
        """
        body: dict[str, Any] = {"class": label_class, "terms": [term.to_json() for term in terms], "k": k}
        body |= (
            {"mode": mode} | ({"filters": dict(filters)} if filters else {}) | ({"q": line} if line else {})
        )
        said = self.transport.post(f"corpora/{self.id}/rank/", body)
        return Ranking(said.get("round"), [Neighbor.of(each) for each in said["neighbors"]], said)

    def answer(
        self, label_class: int, answers: Mapping[int, Answer] | Sequence[tuple[Neighbor, Answer]]
    ) -> list[Answered]:
        """Answer items, {item: answer}, or neighbors with the stacks they stand for.

        Every answer has an operation id that stays the same over retries: none counts twice.
        """
        pairs: list[tuple[dict[str, Any], Answer]] = []
        if isinstance(answers, Mapping):
            pairs = [({"item": item, "base_version": 0}, answer) for item, answer in answers.items()]
        else:
            for tile, answer in answers:
                about = {"item": tile.item, "stack": tile.stack, "rank": tile.rank}
                about["stack_revision"] = tile.said.get("stack_revision")
                pairs.append((about | {"base_version": tile.version}, answer))
        batch = str(uuid.uuid4())
        results: list[Answered] = []
        for start in range(0, len(pairs), BATCH):
            operations = [
                {"operation_id": str(uuid.uuid4()), "batch": batch, "class": label_class, "answer": answer}
                | about
                for about, answer in pairs[start : start + BATCH]
            ]
            body = {"operations": operations}
            said = self.transport.send("POST", f"corpora/{self.id}/verdicts/", json=body).json()
            results += [
                Answered(each["item"], each["outcome"], each["answer"], each["reason"])
                for each in said["results"]
            ]
        return results

    # datasets

    def versions(self) -> Iterator[DatasetVersion]:
        """The frozen versions, newest first."""
        for said in self.transport.pages(f"corpora/{self.id}/datasets/"):
            yield DatasetVersion(self.transport, self.id, said["id"], said)

    def freeze(
        self,
        *,
        name: str = "",
        classes: Sequence[int] | None = None,
        includes_weak: bool = False,
        group_by: str = "media",
        unit: str | None = None,
        val_share: float = 0.1,
        test_share: float = 0.1,
        seed: int = 0,
    ) -> DatasetVersion:
        """Freeze what is accepted and rejected now, split without leaks.

        `group_by` media, folder or source is never torn apart; `unit` frame or clip, if both were answered.
        """
        body: dict[str, Any] = {
            "name": name,
            "includes_weak": includes_weak,
            "group_by": group_by,
            "unit": unit,
            "val_share": val_share,
            "test_share": test_share,
            "seed": seed,
        }
        if classes is not None:
            body["classes"] = list(classes)
        said = self.transport.post(f"corpora/{self.id}/datasets/", body)
        return DatasetVersion(self.transport, self.id, said["id"], said)

    # classifiers

    def train(
        self,
        version: DatasetVersion,
        *,
        name: str = "",
        classes: Sequence[int] | None = None,
        kind: Kind = "probe",
        target: Target = "multi_label",
        feature_set: int | None = None,
        options: Mapping[str, Any] | None = None,
        go_live: bool = False,
    ) -> Run:
        """Start training a classifier of classes of a frozen version, all of them unless `classes` says.

        A probe learns on features that are there, "fine_tune" a network on pictures. "multi_class": an item
        is of one class, and an example against the others. `options` are those of the API; a known `name`
        makes the next version of that classifier.
        """
        asked: dict[str, Any] = {"dataset_version": version.id, "classifier": name, "kind": kind}
        asked |= {"target": target, "go_live": go_live, "options": dict(options or {})}
        if classes is not None:
            asked["classes"] = list(classes)
        if feature_set is not None:
            asked["feature_set"] = feature_set
        said = self.transport.post(f"corpora/{self.id}/runs/", asked)
        return Run(self.transport, self.id, said["id"], said)

    def runs(self) -> Iterator[Run]:
        """Its runs, newest first."""
        for said in self.transport.pages(f"corpora/{self.id}/runs/"):
            yield Run(self.transport, self.id, said["id"], said)

    def classifiers(self) -> Iterator[Classifier]:
        """Its classifiers with their versions, newest first."""
        for said in self.transport.pages(f"corpora/{self.id}/classifiers/"):
            yield Classifier(self.transport, self.id, said["id"], said)

    def classifier(self, name: str | int) -> Classifier:
        """The classifier of that name or id; LookupError if there is none."""
        for found in self.classifiers():
            if name in (found.id, found.name):
                return found
        raise LookupError(f"There is no classifier {name!r} in {self.name}.")

    # labels of others

    def import_labels(
        self,
        path: Path | str,
        *,
        form: str = "",
        as_weak: bool = False,
        boxes: str = "regions",
        dry_run: bool = True,
        on_server: bool = False,
        on_progress: OnProgress = silent,
    ) -> LabelImport:
        """Send labels, a file or a zip, and have them looked through; `take` them afterwards.

        With `on_server` the path is one of the server's, below its media roots, and may be a folder.
        """
        if on_server:
            source = {"path": str(path)}
        else:
            source = {"upload": upload(self.transport, self.id, Path(path), on_progress=on_progress)}
        wanted = {"format": form, "as_weak": as_weak, "boxes": boxes, "dry_run": dry_run}
        said = self.transport.post(f"corpora/{self.id}/imports/", source | wanted)
        return LabelImport(self.transport, self.id, said["id"], said)
