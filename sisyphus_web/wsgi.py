"""The WSGI application that granian serves."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sisyphus_web.settings")
application = get_wsgi_application()
import_module(settings.ROOT_URLCONF)  # and the modules of every route, as the first request would
# What lives as long as the process is not looked through at every collection: a fifth of a small request.
gc.collect()
gc.freeze()
