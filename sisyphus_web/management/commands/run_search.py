"""manage.py run_search: the search service, with what it must know of the ledger and of classifiers."""

import os
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # a second BLAS thread beside the search triples its worst answers


class Command(BaseCommand):
    """Load every corpus, then answer rank requests on the socket SISYPHUS_SEARCH_SOCKET."""

    help = "Run the search service."
    requires_system_checks: tuple[str, ...] = ()  # they load every page of the web: a third of a restart

    def handle(self, *args: Any, **options: Any) -> None:
        from indexing.search_service.corpora import Corpora
        from indexing.search_service.judge import Judge
        from indexing.search_service.ranker import Ranker
        from indexing.search_service.server import is_alive, serve
        from labeling.compute.cut import calibrate
        from labeling.compute.errors import accept_probabilities
        from labeling.compute.ranking import fit_query
        from labeling.services.ledger_reader import LedgerReader
        from training.services.classifier_reader import ClassifierReader

        path = settings.SEARCH_SOCKET
        if is_alive(path):
            raise CommandError(f"a search service listens at {path} already; stop it first")
        stop = threading.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: stop.set())
        corpora = Corpora(LedgerReader, ClassifierReader)  # type: ignore[arg-type] # its News has these fields
        ranker = Ranker(corpora, fit_query, calibrate)
        serve(path, corpora, ranker, Judge(corpora, accept_probabilities), stop=stop)
