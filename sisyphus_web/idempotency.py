"""Idempotency-Key on POSTs: the same request twice has one effect and one answer.

draft-ietf-httpapi-idempotency-key-header-07. Bound to user and route, kept 48 hours, stored in the
transaction of the effect.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from sisyphus_web.accounts.models import IdempotentAnswer
from sisyphus_web.api import Refused

KEEP = timedelta(hours=48)
MAX_KEY = 255


def idempotent(handler: Callable[..., Response]) -> Callable[..., Response]:
    """Decorate a view's `post` or `create`: with an Idempotency-Key it runs once per user, route and key.

    A repetition gets the stored answer; another body with the same key a 422; a repetition while the
    first is still at work a 409. Refusals are not stored. Without the header nothing changes.
    """

    @wraps(handler)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return handler(view, request, *args, **kwargs)
        if len(key) > MAX_KEY:
            raise Refused("idempotency-key", f"An Idempotency-Key has at most {MAX_KEY} characters.")
        body_sha256 = hashlib.sha256(request._request.body).hexdigest()
        of = {"user": request.user, "route": f"{request.method} {request.path}"[:200], "key": key}
        with transaction.atomic():
            if not _lock(f"{request.user.pk} {of['route']} {key}"):
                raise Refused(
                    "in-flight", "The first request with this key is still at work.", status_code=409
                )
            known = IdempotentAnswer.objects.filter(**of).first()
            if known is None:
                response = handler(view, request, *args, **kwargs)
                body = json.loads(json.dumps(response.data, cls=DjangoJSONEncoder))
                IdempotentAnswer.objects.create(
                    **of, body_sha256=body_sha256, status_code=response.status_code, body=body
                )
                return response
        if known.body_sha256 != body_sha256:
            detail = "This Idempotency-Key was used with another body; make a new key for a new request."
            raise Refused("idempotency-key", detail, status_code=422)
        return Response(known.body, status=known.status_code, headers={"Idempotency-Replayed": "true"})

    return once


def forget_old() -> int:
    """Delete answers older than 48 hours; how many."""
    return IdempotentAnswer.objects.filter(at__lt=timezone.now() - KEEP).delete()[0]


def _lock(name: str) -> bool:
    """Hold `name` until the transaction ends; False if another transaction holds it."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        return bool(cursor.fetchone()[0])
