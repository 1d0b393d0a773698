"""Settings, each read from the environment by a typed reader; `.env.example` explains them all."""

import os
import sys
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from tracker_project.common.logs import logging_config
from tracker_project.common.proxies import parse_proxies

BASE_DIR = Path(__file__).resolve().parent.parent


T = TypeVar("T")


def _read(name: str, default: str | None, parse: Callable[[str], T]) -> T:
    """Return variable `name` parsed; raise `ImproperlyConfigured` that names a missing or bad one."""
    text = os.environ.get(name, default)
    if text is None:
        raise ImproperlyConfigured(f"{name} is not set: see .env.example for what it means.")
    try:
        return parse(text.strip())
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} has a value that cannot be used: {error}") from error


def env_text(name: str, default: str | None = None) -> str:
    return _read(name, default, str)


def env_flag(name: str, default: str) -> bool:
    def parse(text: str) -> bool:
        if text not in ("0", "1"):
            raise ValueError("expected 0 or 1")
        return text == "1"

    return _read(name, default, parse)


def env_number(name: str, default: str) -> int:
    return _read(name, default, int)


def env_list(name: str, default: str | None = None) -> list[str]:
    return _read(name, default, lambda text: [part.strip() for part in text.split(",") if part.strip()])


def env_networks(name: str, default: str) -> list[str]:
    """Return address ranges as text, each checked to be one."""

    def parse(text: str) -> list[str]:
        return [str(ip_network(part.strip())) for part in text.split(",") if part.strip()]

    return _read(name, default, parse)


def env_keys(name: str) -> list[bytes]:
    """Return hexadecimal keys as bytes; the first one signs, all of them verify."""

    def parse(text: str) -> list[bytes]:
        keys = [bytes.fromhex(part.strip()) for part in text.split(",") if part.strip()]
        if not keys or min(len(key) for key in keys) < 16:
            raise ValueError("expected one or more hexadecimal keys of at least 32 digits")
        return keys

    return _read(name, None, parse)


def env_key(name: str) -> bytes:
    """Return the one hexadecimal key that a variable holds."""
    keys = env_keys(name)
    if len(keys) > 1:
        raise ImproperlyConfigured(f"{name} holds one key: what was made with another would not be found again.")
    return keys[0]


def env_database(name: str) -> dict[str, Any]:
    """Return Django's settings for a `postgres://user:password@host:port/name` address."""

    def parse(text: str) -> dict[str, Any]:
        parts = urlsplit(text)
        if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
            raise ValueError("expected postgres://user:password@host:port/name")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or 5432),
        }

    return _read(name, None, parse)


TESTING = "pytest" in sys.modules

SECRET_KEY = env_text("SECRET_KEY")
DEBUG = env_flag("DEBUG", "0")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", "")
VAR_DIR = Path(env_text("VAR_DIR", str(BASE_DIR / "var")))

PUBLIC_WEB_URL = env_text("PUBLIC_WEB_URL", "http://127.0.0.1:8000").rstrip("/")
PUBLIC_CLICK_URL = env_text("PUBLIC_CLICK_URL", "http://127.0.0.1:8001").rstrip("/")
REPORTING_CURRENCY = env_text("REPORTING_CURRENCY", "EUR")

# Clicks.
CLICK_ID_KEYS = env_keys("CLICK_ID_KEYS")
TRUSTED_PROXIES = env_networks("TRUSTED_PROXIES", "")
GEOIP_PATH = Path(env_text("GEOIP_PATH", str(VAR_DIR / "geo.mmdb")))
GEOIP_ASN_PATH = Path(env_text("GEOIP_ASN_PATH", str(VAR_DIR / "geo-asn.mmdb")))
GEOIP_CONNECTION_PATH = Path(env_text("GEOIP_CONNECTION_PATH", str(VAR_DIR / "geo-connection.mmdb")))
GEOIP_ACCOUNT_ID = env_text("GEOIP_ACCOUNT_ID", "")
GEOIP_LICENSE_KEY = env_text("GEOIP_LICENSE_KEY", "")
MAXMIND_BASE_URL = env_text("MAXMIND_BASE_URL", "https://download.maxmind.com").rstrip("/")
GEOIP_SOURCE = env_text("GEOIP_SOURCE", "")
GEOIP_ASN_SOURCE = env_text("GEOIP_ASN_SOURCE", "")
GEOIP_CONNECTION_SOURCE = env_text("GEOIP_CONNECTION_SOURCE", "")

# What comes in.
APPLE_DEVELOPMENT_POSTBACKS = env_flag("APPLE_DEVELOPMENT_POSTBACKS", "0")

# What players' platforms tell. The key makes tokens of personal data that only fraud's rules read: kept for ever.
PRIVATE_TOKEN_KEY = env_key("PRIVATE_TOKEN_KEY")
QUARANTINE_DAYS = env_number("QUARANTINE_DAYS", "30")
RAW_REQUEST_DAYS = env_number("RAW_REQUEST_DAYS", "30")

# What leaves the house.
FIELD_ENCRYPTION_KEYS = env_list("FIELD_ENCRYPTION_KEYS")
EGRESS_ALLOWED_ADDRESSES = env_networks("EGRESS_ALLOWED_ADDRESSES", "")
EGRESS_PROXIES = _read("EGRESS_PROXIES", "", parse_proxies)
META_BASE_URL = env_text("META_BASE_URL", "https://graph.facebook.com").rstrip("/")
META_API_VERSION = env_text("META_API_VERSION", "v26.0")
GOOGLE_BASE_URL = env_text("GOOGLE_BASE_URL", "https://datamanager.googleapis.com").rstrip("/")
GOOGLE_TOKEN_URL = env_text("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token")
GOOGLE_ADS_BASE_URL = env_text("GOOGLE_ADS_BASE_URL", "https://googleads.googleapis.com").rstrip("/")
GOOGLE_ADS_API_VERSION = env_text("GOOGLE_ADS_API_VERSION", "v26")
TIKTOK_BASE_URL = env_text("TIKTOK_BASE_URL", "https://business-api.tiktok.com").rstrip("/")
APPSFLYER_BASE_URL = env_text("APPSFLYER_BASE_URL", "https://api3.appsflyer.com").rstrip("/")
APPSFLYER_REPORTS_URL = env_text("APPSFLYER_REPORTS_URL", "https://hq1.appsflyer.com").rstrip("/")
ADJUST_BUCKETS_URL = env_text("ADJUST_BUCKETS_URL", "https://s3.{region}.amazonaws.com").rstrip("/")
POSTBACK_DISPATCHERS = env_number("POSTBACK_DISPATCHERS", "1")

# Letters to the staff, such as that a destination was switched off; without a host none are sent.
EMAIL_HOST = env_text("EMAIL_HOST", "")
EMAIL_PORT = env_number("EMAIL_PORT", "587")
EMAIL_HOST_USER = env_text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env_text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env_flag("EMAIL_USE_TLS", "1")
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env_text("EMAIL_FROM", "tracker@localhost")
NOTIFY_EMAILS = env_list("NOTIFY_EMAILS", "")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_filters",
    "import_export",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "tracker_project.common",
    "campaigns",
    "attribution",
    "conversions",
    "fraud",
    "analytics",
    "affiliates",
]

MIDDLEWARE = [
    "tracker_project.common.click_hosts.ClickHosts",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tracker_project.common.security.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# What the web process must not answer on: the hosts that serve clicks only.
CLICK_HOSTS = "campaigns.domain.tracking_domains.active_hosts"

ROOT_URLCONF = "tracker_project.urls"
WSGI_APPLICATION = "tracker_project.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": env_database("DATABASE_URL")
    | {
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # Tests open connections in threads of their own; a pool would keep them past the test.
            **({} if TESTING else {"pool": {"min_size": 1, "max_size": 16, "timeout": 10}}),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env_text("REDIS_URL")

CELERY = {
    "broker_url": REDIS_URL,
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_time_limit": 600,
    "task_default_queue": "money",
    "task_routes": {
        "conversions.deliver_due_postbacks": {"queue": "postbacks"},
        "conversions.confirm_accepted_postbacks": {"queue": "postbacks"},
        "conversions.work_on_imports": {"queue": "reports"},
        "conversions.pull_reports": {"queue": "reports"},
        "conversions.write_value_curves": {"queue": "reports"},
        "attribution.*": {"queue": "reports"},
    },
    "worker_prefetch_multiplier": 1,
    "worker_soft_shutdown_timeout": 30,
    "worker_hijack_root_logger": False,
    "broker_connection_retry_on_startup": True,
    "broker_transport_options": {"visibility_timeout": 3600},
    # The sweepers: whatever no hint reached is found here.
    "beat_schedule": {
        "review": {"task": "fraud.review_pending_conversions", "schedule": 2.0},
        "book": {"task": "affiliates.book_due_commissions", "schedule": 2.0},
        "deliver": {"task": "conversions.deliver_due_postbacks", "schedule": 2.0},
        "confirm": {"task": "conversions.confirm_accepted_postbacks", "schedule": 30.0},
        "restate": {"task": "conversions.state_net_revenue_anew", "schedule": 900.0},
        "restate predictions": {"task": "conversions.state_predictions_anew", "schedule": 900.0},
        "draw value curves": {"task": "conversions.write_value_curves", "schedule": 21600.0},
        "watch_deliveries": {"task": "conversions.watch_deliveries", "schedule": 300.0},
        "tell owners": {"task": "conversions.send_due_notices", "schedule": 30.0},
        "convert": {"task": "conversions.convert_waiting_deposits", "schedule": 60.0},
        "match": {"task": "conversions.match_waiting_events", "schedule": 20.0},
        "touches": {"task": "conversions.settle_due_touches", "schedule": 10.0},
        "imports": {"task": "conversions.work_on_imports", "schedule": 5.0},
        "reports": {"task": "conversions.pull_reports", "schedule": 60.0},
        "count dropped fields": {"task": "conversions.count_dropped_fields", "schedule": 60.0},
        "forget requests": {"task": "conversions.forget_old_requests", "schedule": 3600.0},
        "watch sources": {"task": "conversions.watch_sources", "schedule": 300.0},
        "forget hours": {"task": "conversions.forget_old_hours", "schedule": 86400.0},
        "partitions": {"task": "attribution.ensure_click_partitions", "schedule": 3600.0},
        # What edges stop campaigns by; what is late here, caps and budgets are overshot by.
        "caps of a day": {"task": "conversions.count_capped_conversions", "schedule": 3.0},
        "caps in all": {"task": "conversions.count_capped_conversions_in_all", "schedule": 15.0},
        "cost spends": {"task": "campaigns.write_cost_spends", "schedule": 10.0},
        "alerts": {"task": "campaigns.raise_alerts", "schedule": 30.0},
        "counters": {"task": "campaigns.fold_counters", "schedule": 3600.0},
        "visitor keys": {"task": "attribution.keep_visitor_keys", "schedule": 600.0},
        "pre-clicks": {"task": "attribution.settle_pre_clicks", "schedule": 600.0},
    },
}

# Work that an upper app does on rows of a lower one: the hint's name, and the task that it wakes.
WORK_HINTS = {
    "conversion_recorded": "fraud.review_pending_conversions",
    "conversion_settled": "affiliates.book_due_commissions",
    "postback_written": "conversions.deliver_due_postbacks",
    "event_waits": "conversions.match_waiting_events",
    "import_waits": "conversions.work_on_imports",
    "report_due": "conversions.pull_reports",
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# The theme's sign-in form forgets where to go afterwards.
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = "tracker_project.formats"

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "conversions.api.errors.answer_error",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Tracker",
    "DESCRIPTION": "Report what players did, and read what was recorded.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["conversions.api.docs.one_address_each"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# Browsers are told to come by TLS only where TLS is: a tracker on a laptop has none.
SECURE_SSL = env_flag("SECURE_SSL", "0")
SECURE_SSL_REDIRECT = SECURE_SSL
SESSION_COOKIE_SECURE = SECURE_SSL
CSRF_COOKIE_SECURE = SECURE_SSL
SECURE_HSTS_SECONDS = 31536000 if SECURE_SSL else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_SSL
SECURE_HSTS_PRELOAD = SECURE_SSL
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_SSL else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LOG_LEVEL = env_text("LOG_LEVEL", "INFO")
LOGGING = logging_config(level=LOG_LEVEL, as_json=_read("LOG_FORMAT", "console", str) == "json")

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Tracker",
    "SITE_HEADER": "Tracker",
    "SITE_SYMBOL": "ads_click",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("tracker/favicon.svg")}],
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda request: static("tracker/admin.css")],
    "SCRIPTS": [lambda request: static("tracker/copy.js"), lambda request: static("tracker/refresh.js")],
    "DASHBOARD_CALLBACK": "analytics.dashboard.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "tracker_project.sidebar.navigation"},
    "COLORS": {
        "primary": {
            "50": "oklch(97.1% .013 180)",
            "100": "oklch(94% .04 182)",
            "200": "oklch(88.6% .08 182)",
            "300": "oklch(80.5% .11 183)",
            "400": "oklch(70.4% .115 184)",
            "500": "oklch(60% .103 185)",
            "600": "oklch(51.1% .088 187)",
            "700": "oklch(43.7% .076 188)",
            "800": "oklch(38.6% .063 189)",
            "900": "oklch(34% .052 190)",
            "950": "oklch(24.7% .042 192)",
        }
    },
}
