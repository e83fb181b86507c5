"""/healthz: the process answers. /readyz: what it needs answers, too. Neither says anything secret."""

import logging
from urllib.parse import unquote, urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

logger = logging.getLogger(__name__)
TIMEOUT_SECONDS = 2.0
_migrations_seen_applied = False  # they are only ever applied: once true, true for this process


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 whenever this process can answer."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when database, Redis and schema are there; 503 with a reason for each that is not."""
    reasons = {"database": database_reason(), "redis": redis_reason()}
    reasons["migrations"] = migrations_reason() if not reasons["database"] else "unknown without the database"
    failing = {name: reason for name, reason in reasons.items() if reason}
    body = {"is_ready": not failing, "reasons": failing}
    return JsonResponse(body, status=503 if failing else 200)


def database_reason() -> str:
    """Why the database does not answer, "" if it does."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("the database does not answer: %s", error)
        return "the database does not answer"
    return ""


def redis_reason() -> str:
    """Why the broker does not answer, "" if it does."""
    try:
        with redis_client(settings.CELERY_BROKER_URL) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        logger.warning("Redis does not answer: %s", error)
        return "Redis does not answer"
    return ""


def migrations_reason() -> str:
    """How many migrations are missing, "" if none."""
    global _migrations_seen_applied
    if _migrations_seen_applied:
        return ""
    try:
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        logger.warning("the applied migrations cannot be read: %s", error)
        return "the applied migrations cannot be read"
    _migrations_seen_applied = missing == 0
    return f"{missing} migrations are not applied; run manage.py migrate" if missing else ""


def redis_client(url: str) -> redis.Redis:
    """A client, closed by `with`, for a broker URL as Celery writes it: redis+socket:///path?virtual_host=0."""
    parts = urlsplit(url)
    if parts.scheme in {"redis+socket", "unix"}:
        return redis.Redis(unix_socket_path=unquote(parts.path), socket_timeout=TIMEOUT_SECONDS)
    return redis.Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
