"""`manage.py run_dispatcher`: keeps jobs moving; run one or more, one is active."""

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from sisyphus_web import housekeeping
from sisyphus_web.jobs import dispatcher


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # the web process has them
    help = "Publish queued jobs again, take jobs back from lost workers, do the periodic work."

    def handle(self, *args: Any, **options: Any) -> None:
        ended = threading.Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            ended.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        dispatcher.run(ended, periodic=housekeeping.periodic())
