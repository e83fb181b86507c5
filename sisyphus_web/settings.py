"""Settings of every Sisyphus process. Each variable is documented where it is read and in README.md."""

from pathlib import Path
from typing import Any

import environ
import structlog
from csp.constants import NONCE, NONE, SELF

from sisyphus_web.env import env_bool, env_int, env_list, env_path, env_text

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env_path(
    "SISYPHUS_DATA_DIR", default=BASE_DIR / "data"
)  # all state but PostgreSQL's, if that is yours
MODEL_DIR = env_path(
    "SISYPHUS_MODEL_DIR", default=DATA_DIR / "models"
)  # weights: local files first, then downloads
MEDIA_ROOTS = [
    Path(root).absolute() for root in env_list("SISYPHUS_MEDIA_ROOTS", default=[])
]  # folders that may be ingested

SECRET_KEY = env_text("DJANGO_SECRET_KEY")  # `bin/sisyphus up` makes one in the data directory
DEBUG = env_bool("DJANGO_DEBUG", default=False)
ALLOWED_HOSTS = env_list("DJANGO_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", default=[])
# On for plain HTTP on this machine only: cookies without Secure, no HSTS, no redirect to https.
LOOPBACK_HTTP = env_bool("SISYPHUS_LOOPBACK_HTTP", default=False)

ROOT_URLCONF = "sisyphus_web.urls"
WSGI_APPLICATION = "sisyphus_web.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "corpora"
LOGOUT_REDIRECT_URL = "login"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "pgtrigger",
    "pghistory",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "knox",
    "csp",
    "django_vite",
    "django_htmx",
    "django_prometheus",
    "sisyphus_web.accounts",
    "sisyphus_web.jobs",
    "indexing",
    "labeling",
    "training",
    "sisyphus_web",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "sisyphus_web.accounts.middleware.LateAnswersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "sisyphus_web.accounts.middleware.HeadersMiddleware",
    "sisyphus_web.accounts.middleware.SessionAgeMiddleware",
    "sisyphus_web.accounts.middleware.PermissionTableMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "sisyphus_web.page_context.navigation",
            ]
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {"default": environ.Env.db_url_config(env_text("DATABASE_URL"))}
DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
DATABASES["default"].setdefault("OPTIONS", {}).setdefault(
    "options", "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=60000"
)

REDIS_URL = env_text("REDIS_URL")  # redis://... or redis+socket:///path
CELERY_BROKER_URL = env_text("CELERY_BROKER_URL", default=REDIS_URL)
DEVICE = env_text("SISYPHUS_DEVICE", default="auto")  # auto, cpu, cuda:0
SEARCH_SOCKET = env_path("SISYPHUS_SEARCH_SOCKET", default=DATA_DIR / "run" / "search.sock")
WORKER_CONCURRENCY = env_int("WORKER_CONCURRENCY", default=2, minimum=1)
DOWNLOADS_AT_ONCE = max(1, env_int("WEB_THREADS", default=8, minimum=1) // 2)  # of one web process
JOB_LEASE_SECONDS = env_int(
    "SISYPHUS_JOB_LEASE_SECONDS", default=60, minimum=2
)  # a worker silent for longer loses its job
JOB_SILENCE_SECONDS = env_int(
    "SISYPHUS_JOB_SILENCE_SECONDS", default=3600, minimum=2
)  # work that does not report for longer has run away: its process is killed
MAX_UPLOAD_BYTES = env_int("SISYPHUS_MAX_UPLOAD_BYTES", default=20 * 2**30)  # one uploaded file
FREE_SPACE_FLOOR_BYTES = env_int(
    "SISYPHUS_FREE_SPACE_FLOOR_BYTES", default=2 * 2**30
)  # below: uploads and jobs stop

PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_COOKIE_AGE = 8 * 3600  # after its last use
SESSION_MAX_AGE = 7 * 24 * 3600  # after its begin
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOOPBACK_HTTP
SESSION_COOKIE_NAME = "sisyphus_session" if LOOPBACK_HTTP else "__Host-sisyphus_session"
CSRF_COOKIE_NAME = "sisyphus_csrf" if LOOPBACK_HTTP else "__Host-sisyphus_csrf"
SECURE_SSL_REDIRECT = not LOOPBACK_HTTP
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked inside a container, behind the proxy
SECURE_HSTS_SECONDS = 0 if LOOPBACK_HTTP else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOOPBACK_HTTP
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = None if LOOPBACK_HTTP else ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 2**20  # one chunk of an upload
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "font-src": [SELF],
        "media-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "object-src": [NONE],
    }
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
# Where `collectstatic` puts the files of an image; on one machine they are served where they are.
STATIC_ROOT = env_path("SISYPHUS_STATIC_ROOT", default=DATA_DIR / "static")
WHITENOISE_USE_FINDERS = LOOPBACK_HTTP
STATICFILES_DIRS = [("dist", BASE_DIR / "static" / "dist"), ("icons", BASE_DIR / "static" / "icons")]
DJANGO_VITE = {
    "default": {"static_url_prefix": "dist", "manifest_path": BASE_DIR / "static/dist/manifest.json"}
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Not the Manifest one: Vite has hashed the names already.
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/dist/assets/"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "sisyphus_web.accounts.authentication.ScopedTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["sisyphus_web.accounts.permissions.TablePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "sisyphus_web.api.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "sisyphus_web.api.error_response",
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sisyphus",
    "DESCRIPTION": "Find a rare object in many videos and photos, clean the finds, export them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["sisyphus_web.accounts.permissions.TablePermission"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "RunKindEnum": "training.models.Run.Kind",
        "ExportFormatEnum": "labeling.models.Export.Format",
        "ImportFormatEnum": "labeling.models.LabelImport.Format",
    },
}
MIGRATION_MODULES = {"knox": None}  # its own table of tokens is never used
KNOX_TOKEN_MODEL = "accounts.Token"  # noqa: S105 - a model's name

LOG_FORMAT = env_text("LOG_FORMAT", default="console")  # console, json
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "console": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": [
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": env_text("LOG_LEVEL", default="INFO")},
}
