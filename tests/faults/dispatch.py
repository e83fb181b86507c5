"""A dispatcher that knows the kinds of these tests."""

import threading
from datetime import timedelta

import django

django.setup()

from sisyphus_web.jobs import dispatcher, querysets, registry  # noqa: E402
from tests.faults import kinds  # noqa: E402

for name, kind in kinds.KINDS.items():
    registry.register(name, kind)
dispatcher.SWEEP_SECONDS = 0.5
querysets.REPUBLISH_AFTER = timedelta(seconds=3)
dispatcher.run(threading.Event())
