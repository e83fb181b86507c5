"""Jobs in every state, and kinds that exist in tests only."""

import pytest

from sisyphus_web.jobs import registry, services
from sisyphus_web.jobs.models import Job


@pytest.fixture(autouse=True)
def _counting_kind(monkeypatch):
    monkeypatch.setitem(registry.KINDS, "count", registry.Kind("tests.count", "tests", "Count"))


@pytest.fixture
def job(corpus, mia) -> Job:
    """A queued job of the corpus, asked for by mia."""
    return services.enqueue("count", corpus=corpus, created_by=mia, up_to=3)


@pytest.fixture
def claimed(job) -> Job:
    """The same, running."""
    taken = services.claim(job.pk)
    assert taken is not None
    return taken
