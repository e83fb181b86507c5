"""A running server, a worker beside it, a token, and a network that breaks off."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connections

from indexing.tasks import ingest_media
from labeling.tasks import export_dataset, import_labels
from sisyphus_client import Client
from sisyphus_web.accounts.models import Scope
from sisyphus_web.accounts.services import create_token
from sisyphus_web.jobs.models import Job

TASKS = {"media_ingest": ingest_media, "dataset_export": export_dataset, "labels_import": import_labels}
SCOPES = [Scope.READ, Scope.LABEL, Scope.UPLOAD, Scope.RUN, Scope.EXPORT]


@pytest.fixture
def worker(transactional_db) -> Iterator[None]:
    """Runs the jobs that are ready, as a worker does, until the test is over."""
    ended = threading.Event()

    def work() -> None:
        try:
            while not ended.wait(0.05):
                for job in Job.objects.ready().filter(kind__in=TASKS).order_by("id"):
                    TASKS[job.kind](job.pk)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    ended.set()
    thread.join(timeout=30)


@pytest.fixture
def token(corpus, mia) -> str:
    return create_token(user=mia, name="client", scopes=SCOPES).secret


@pytest.fixture
def client(live_server, token, worker) -> Iterator[Client]:
    with Client(live_server.url, token, timeout_seconds=20) as made:
        yield made


class BreakingNetwork:
    """A proxy of one address that cuts a connection after so many bytes, in either direction."""

    def __init__(self, url: str, *, after_bytes: int) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._there = (host, int(port))
        self.after_bytes, self.num_cuts = after_bytes, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            there = socket.create_connection(self._there)
            left = [self.after_bytes]
            for one, other in ((here, there), (there, here)):
                threading.Thread(target=self._pass_on, args=(one, other, left), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, left: list[int]) -> None:
        try:
            while data := one.recv(4096):
                other.sendall(data[: max(0, left[0])])
                left[0] -= len(data)
                if left[0] <= 0:
                    self.num_cuts += 1
                    time.sleep(0.01)  # what was passed on arrives
                    break
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


@pytest.fixture
def breaking(live_server):
    """Makes a network that cuts every connection after so many bytes."""
    made = []

    def make(after_bytes: int) -> BreakingNetwork:
        network = BreakingNetwork(live_server.url, after_bytes=after_bytes)
        made.append(network)
        return network

    yield make
    for network in made:
        network.close()
