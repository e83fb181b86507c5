"""Files that machines read: compose, the Procfile, the requirements, the example of an environment."""

import re
from pathlib import Path

import yaml

from sisyphus_web.supervisor import read_procfile

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))
# One-shot services end; nginx is only there when web is healthy.
WITHOUT_HEALTH_CHECK = {"sockets", "migrate", "nginx"}


def test_every_process_of_the_procfile_is_a_service():
    names = {process.name for process in read_procfile(ROOT / "Procfile", _AnyValue(), {})}
    assert names == {"search", "worker-cpu", "worker-gpu", "dispatcher", "web"}
    assert names <= set(COMPOSE["services"])


def test_every_long_running_service_has_a_health_check_and_waits_for_the_schema():
    for name, service in COMPOSE["services"].items():
        if name in WITHOUT_HEALTH_CHECK:
            continue
        assert "healthcheck" in service, name
        if name not in {"db", "redis"}:
            waits_for = service["depends_on"]["migrate"]["condition"]
            assert waits_for == "service_completed_successfully", name


def test_redis_never_evicts_and_survives_a_crash():
    command = COMPOSE["services"]["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"


def test_only_nginx_is_reached_from_outside():
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["nginx"]


def test_what_compose_asks_for_is_in_the_example():
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8")))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    described = set(re.findall(r"^#?(\w+)=", example, re.MULTILINE)) | {"TORCH_INDEX"}
    assert asked - described == set()


def test_every_requirement_is_pinned():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            assert line.startswith(("#", "-r ")) or re.fullmatch(r"[\w.\-\[\],]+==[\w.]+", line), line


class _AnyValue(dict):
    def __missing__(self, name):
        return name
