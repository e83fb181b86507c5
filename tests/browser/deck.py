"""A corpus of real pictures with features, and a search service that knows it, for the browser tests."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db import connection

from indexing import search
from indexing.models import Source
from indexing.services.ingest import start_ingest
from indexing.tasks.features import extract_features
from indexing.tasks.ingest import ingest_media
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs.models import Job

TASKS = {"media_ingest": ingest_media, "features_extract": extract_features}


def fill(corpus: Corpus, folder: Path, files: Iterable[Path], *, by: User) -> None:
    """Ingest and encode `files` here and now, through the jobs of an ingest."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files):
        shutil.copyfile(file, folder / f"{number:03}-{file.parent.name}{file.suffix}")
    settings.MEDIA_ROOTS = [*settings.MEDIA_ROOTS, folder.parent]
    start_ingest(corpus, path=str(folder), created_by=by)
    assert Source.objects.filter(corpus=corpus).exists()
    for kind, task in TASKS.items():
        job = Job.objects.get(corpus=corpus, kind=kind)
        task(job.pk)
        job.refresh_from_db()
        assert job.status == Job.Status.DONE, f"{kind}: {job.error_text}"


class SearchProcess:
    """The search service as a process of its own, on the test's database."""

    def __init__(self, folder: Path) -> None:
        self.socket, self.log = folder / "search.sock", (folder / "search.log").open("w+")
        head, _, query = os.environ["DATABASE_URL"].partition("?")
        name = connection.settings_dict["NAME"]
        url = f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
        env = os.environ | {
            "DATABASE_URL": url,
            "SISYPHUS_SEARCH_SOCKET": str(self.socket),
            "SISYPHUS_DATA_DIR": str(settings.DATA_DIR),
        }
        self.process = subprocess.Popen([sys.executable, "manage.py", "run_search"], env=env, stderr=self.log)

    def wait(self) -> None:
        deadline = time.monotonic() + 180
        while True:
            try:
                if search.status():
                    return
            except search.SearchUnavailable:
                assert self.process.poll() is None, self.said()
                assert time.monotonic() < deadline, self.said()
                time.sleep(0.05)

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=180)
        self.log.close()
