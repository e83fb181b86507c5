"""A running server, a worker beside it, a token, and a network that breaks off."""

import contextlib
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
from training.tasks import export_classifier, predict_classifier, train_classifier

TASKS = {
    "media_ingest": ingest_media,
    "dataset_export": export_dataset,
    "labels_import": import_labels,
    "classifier_train": train_classifier,
    "classifier_predict": predict_classifier,
    "classifier_export": export_classifier,
}
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
    thread.join(timeout=180)


@pytest.fixture
def token(corpus, mia) -> str:
    return create_token(user=mia, name="client", scopes=SCOPES).secret


@pytest.fixture
def client(live_server, token, worker) -> Iterator[Client]:
    with Client(live_server.url, token, timeout_seconds=120) as made:
        yield made


class BreakingNetwork:
    """A proxy of one address that cuts a connection after so many bytes, in either direction."""

    def __init__(self, url: str, *, after_bytes: int) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._there = (host, int(port))
        self.after_bytes, self.num_cuts = after_bytes, 0
        self._ends: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End every connection and wait until all sockets are closed."""
        _shut_down(self._listener)  # wakes who waits in accept, which closing alone does not
        self._threads[0].join(timeout=180)
        self._listener.close()
        for end in list(self._ends):
            _shut_down(end)
        for thread in self._threads:
            thread.join(timeout=180)

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._connect, args=(here,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _connect(self, here: socket.socket) -> None:
        with here, socket.create_connection(self._there) as there:
            self._ends |= {here, there}
            left = [self.after_bytes]
            back = threading.Thread(target=self._pass_on, args=(there, here, left), daemon=True)
            back.start()
            self._pass_on(here, there, left)
            back.join()
            self._ends -= {here, there}

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
            _shut_down(end)


def _shut_down(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        end.shutdown(socket.SHUT_RDWR)


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
