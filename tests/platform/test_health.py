"""What monitors ask, and what they are told."""

import pytest
import redis

from sisyphus_web import checks, health
from sisyphus_web.accounts.models import User


def test_healthz_needs_nothing(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_readyz_is_ready_with_database_redis_and_schema(client, db):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"is_ready": True, "reasons": {}}


def test_readyz_names_what_does_not_answer(client, db, settings, tmp_path):
    settings.CELERY_BROKER_URL = f"redis+socket://{tmp_path}/nobody.sock"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == {"redis": "Redis does not answer"}


def test_readyz_counts_the_missing_migrations(client, db, monkeypatch):
    monkeypatch.setattr(health, "_migrations_seen_applied", False)
    from django.db.migrations.recorder import MigrationRecorder

    MigrationRecorder.Migration.objects.filter(app="labeling").delete()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "1 migrations are not applied" in answer.json()["reasons"]["migrations"]


def test_metrics_are_for_operators(client, ann, olga):
    assert client.get("/metrics").status_code == 302
    client.force_login(ann)
    assert client.get("/metrics").status_code == 403
    client.force_login(olga)
    assert b"django_http_requests_total" in client.get("/metrics").content


def test_a_broker_that_evicts_is_refused(db, settings):
    assert checks.the_broker_keeps_messages(databases=["default"]) == []
    with health.redis_client(settings.CELERY_BROKER_URL) as client:
        try:
            client.config_set("maxmemory-policy", "allkeys-lru")
            [found] = checks.the_broker_keeps_messages(databases=["default"])
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert found.id == "sisyphus.E006"
    assert "allkeys-lru" in found.msg


def test_the_embedded_postgresql_passes_its_check(db):
    assert checks.postgresql_is_new_enough(databases=["default"]) == []


@pytest.mark.parametrize(("key", "number"), [("x" * 64, 1), ("short", 1), ("0123456789abcdef" * 4, 0)])
def test_a_key_that_can_be_guessed_is_refused_outside_this_machine(settings, key, number):
    settings.LOOPBACK_HTTP = False
    settings.SECRET_KEY = key
    assert len(checks.the_key_cannot_be_guessed()) == number


def test_data_below_the_static_files_are_refused(settings):
    settings.DATA_DIR = settings.STATIC_ROOT / "data"
    [found] = checks.the_data_are_not_served()
    assert found.id == "sisyphus.E003"


def test_the_whole_disk_is_no_media_root(settings):
    from pathlib import Path

    settings.MEDIA_ROOTS = [Path("/")]
    [found] = checks.media_roots_are_narrow()
    assert found.id == "sisyphus.E005"


def test_the_first_operator_is_made_once_and_only_a_hash_is_kept(db, capsys):
    from django.core.management import call_command

    call_command("create_operator", "--if-none", "--only-password")
    password = capsys.readouterr().out.strip()
    operator = User.objects.get(username="operator")
    assert operator.check_password(password)
    assert operator.is_operator
    assert password not in operator.password
    call_command("create_operator", "--if-none", "--only-password")
    assert capsys.readouterr().out == ""


def test_an_operator_who_is_locked_out_gets_in_again_from_the_command_line(client, olga, capsys):
    from django.core.management import call_command

    from sisyphus_web.accounts.models import AuditLine

    for _ in range(30):
        client.post("/login/", {"username": olga.username, "password": "not this one"})
    User.objects.filter(pk=olga.pk).update(is_active=False)
    client.force_login(olga)
    call_command("create_operator", olga.username, "--new-password", "--only-password")
    password = capsys.readouterr().out.strip()
    assert client.get("/").status_code == 302  # the session of before has ended
    answer = client.post(
        "/login/", {"username": olga.username, "password": password}, REMOTE_ADDR="192.0.2.7"
    )
    assert (answer.status_code, client.get("/").status_code) == (302, 200)
    assert AuditLine.objects.filter(what="operator-password", detail__startswith=olga.username).exists()


def test_broker_urls_of_both_forms_are_understood(settings):
    of_socket = health.redis_client("redis+socket:///tmp/a%20b.sock?virtual_host=0")
    assert of_socket.connection_pool.connection_kwargs["path"] == "/tmp/a b.sock"
    of_host = health.redis_client("redis://:word@example.org:6380/2")
    assert of_host.connection_pool.connection_kwargs["host"] == "example.org"
    assert isinstance(of_host, redis.Redis)
