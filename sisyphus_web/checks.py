"""What must be true of a configuration before anybody works with it: `manage.py check`, with hints."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connection

from sisyphus_web.health import redis_client

MIN_KEY_CHARACTERS = 50
MIN_KEY_DIFFERENT = 10
MIN_POSTGRES = 14_00_00  # the oldest release with security fixes as of November 2026
SAFE_POLICIES = {"noeviction", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"}


@register(Tags.security)
def the_key_cannot_be_guessed(**_: Any) -> list[CheckMessage]:
    """sisyphus.E001: sessions and signed links are only as safe as DJANGO_SECRET_KEY."""
    key = settings.SECRET_KEY
    if settings.LOOPBACK_HTTP or (len(key) >= MIN_KEY_CHARACTERS and len(set(key)) >= MIN_KEY_DIFFERENT):
        return []
    return [
        Error(
            f"DJANGO_SECRET_KEY has {len(key)} characters, {len(set(key))} different ones.",
            hint="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(64))'",
            id="sisyphus.E001",
        )
    ]


@register(Tags.security)
def debug_is_for_this_machine_only(**_: Any) -> list[CheckMessage]:
    """sisyphus.E002: a debug page shows settings and source to whoever finds an error."""
    if not settings.DEBUG or settings.LOOPBACK_HTTP:
        return []
    hint = "Unset DJANGO_DEBUG, or set SISYPHUS_LOOPBACK_HTTP=1 on a developer's machine."
    return [Error("DJANGO_DEBUG is on for others than this machine.", hint=hint, id="sisyphus.E002")]


@register(Tags.security)
def the_data_are_not_served(**_: Any) -> list[CheckMessage]:
    """sisyphus.E003: nobody downloads the data directory as if it were a style sheet."""
    served = [settings.STATIC_ROOT, *(entry[1] for entry in settings.STATICFILES_DIRS)]
    return [
        Error(
            f"The data directory {settings.DATA_DIR} is inside {folder}, which is served to everybody.",
            hint="Set SISYPHUS_DATA_DIR to a directory of its own.",
            id="sisyphus.E003",
        )
        for folder in served
        if Path(settings.DATA_DIR).is_relative_to(folder)
    ]


@register(Tags.files)
def media_roots_are_narrow(**_: Any) -> list[CheckMessage]:
    """sisyphus.W004, E005: annotators read what is below a media root."""
    found: list[CheckMessage] = []
    for root in settings.MEDIA_ROOTS:
        if root == Path(root.anchor):
            hint = "Name the folders that hold media in SISYPHUS_MEDIA_ROOTS."
            found.append(Error("The whole file system may be ingested.", hint=hint, id="sisyphus.E005"))
        elif not root.is_dir() and not root.is_relative_to(settings.DATA_DIR):
            hint = "Mount it, or take it out of SISYPHUS_MEDIA_ROOTS."
            found.append(Warning(f"The media root {root} is not a directory.", hint=hint, id="sisyphus.W004"))
    return found


@register(Tags.database)
def the_broker_keeps_messages(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """sisyphus.E006, W007: Redis answers and does not throw queues away. Asked with --database only."""
    if not databases:
        return []
    try:
        with redis_client(settings.CELERY_BROKER_URL) as client:
            policy = client.config_get("maxmemory-policy")["maxmemory-policy"]
    except (redis.ConnectionError, redis.TimeoutError, ValueError) as error:
        hint = "Start Redis, or correct REDIS_URL."
        return [Error(f"Redis does not answer: {error}", hint=hint, id="sisyphus.E006")]
    except redis.ResponseError as error:  # a managed Redis may forbid CONFIG
        hint = "Make sure that its maxmemory-policy is noeviction."
        return [Warning(f"Redis does not tell its settings: {error}", hint=hint, id="sisyphus.W007")]
    if policy in SAFE_POLICIES:
        return []
    hint = "redis-cli CONFIG SET maxmemory-policy noeviction; an instance of its own, not a cache's."
    return [Error(f"Redis may evict whole queues ({policy}).", hint=hint, id="sisyphus.E006")]


@register(Tags.database)
def postgresql_is_new_enough(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """sisyphus.E008, E009: a supported release, with UTF-8. Asked with --database only."""
    if not databases:
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
            )
            version, encoding = cursor.fetchone()
    except DatabaseError as error:
        hint = "Start PostgreSQL, or correct DATABASE_URL."
        return [Error(f"PostgreSQL does not answer: {error}", hint=hint, id="sisyphus.E008")]
    found: list[CheckMessage] = []
    if version < MIN_POSTGRES:
        hint = f"Use PostgreSQL {MIN_POSTGRES // 10000} or newer."
        found.append(Error(f"PostgreSQL is {version // 10000}.", hint=hint, id="sisyphus.E008"))
    if encoding != "UTF8":
        hint = "Create the database with ENCODING 'UTF8'."
        found.append(Error(f"The database is encoded as {encoding}.", hint=hint, id="sisyphus.E009"))
    return found
