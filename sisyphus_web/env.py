"""Environment variables, read once by settings: unclear values are refused by name."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def env_text(name: str, default: str | None = None) -> str:
    """The value of `name`, or of the file that `name`_FILE points at; ImproperlyConfigured without either."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    value = os.environ.get(name, "") or default
    if value is None:
        raise ImproperlyConfigured(f"{name} must be set; `bin/sisyphus up` sets it for you")
    return value


def env_bool(name: str, *, default: bool) -> bool:
    """True or False; anything but 1/true/yes/on and 0/false/no/off is refused."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be one of 1, 0, true, false, yes, no, on, off; got {value!r}")


def env_int(name: str, *, default: int, minimum: int = 0) -> int:
    """A whole number of at least `minimum`."""
    value = os.environ.get(name, "") or str(default)
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, got {value!r}") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, got {number}")
    return number


def env_list(name: str, *, default: list[str]) -> list[str]:
    """Comma-separated values without empty ones."""
    value = os.environ.get(name)
    return default if value is None else [part.strip() for part in value.split(",") if part.strip()]


def env_path(name: str, *, default: Path) -> Path:
    """An absolute path; a leading ~ is expanded."""
    return Path(os.environ.get(name) or default).expanduser().absolute()
