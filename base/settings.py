"""Every setting, in titled sections; values come from the environment or `.env`, and all have working defaults.

`.env.example` lists them; `docs/reference/settings.md` explains them, and a test holds the three together.
"""

from datetime import timedelta
from pathlib import Path

from kombu import Queue

from apps.common.operations.environment import Environment
from apps.common.operations.logging import logging_to_console
from apps.common.operations.metric_files import metrics_root
from apps.common.operations.rights import keep_private, made, own_secret
from base.sparing import spare

BASE_DIR = Path(__file__).resolve().parent.parent
config = Environment()
config.read_env(str(BASE_DIR / ".env"))

# --- Where things live --------------------------------------------------------------------------------------------
# A relative folder is one of this checkout, from whichever folder a command is called; an empty name is none.
VAR_DIR = config.folder("SCRUM_ML_VAR_DIR", default="var", base=BASE_DIR)
keep_private(VAR_DIR)

# --- Security -----------------------------------------------------------------------------------------------------
DEBUG = config.bool("DEBUG", default=False)
SECRET_KEY = config("SECRET_KEY", default="").strip() or own_secret(VAR_DIR / "secret_key")
ALLOWED_HOSTS = config.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if config.bool("BEHIND_TLS_PROXY", default=False) else None
)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = config.bool("BEHIND_TLS_PROXY", default=False)
SESSION_COOKIE_HTTPONLY = True
# Behind a proxy that ends TLS: whoever comes without is sent there, and browsers remember it for a year. Not for
# subdomains and no list of browsers (W005, W021): they are not ours to decide about.
SECURE_SSL_REDIRECT = config.bool("BEHIND_TLS_PROXY", default=False)
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_REFERRER_POLICY = "same-origin"
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if not SECURE_SSL_REDIRECT:
    # common.W004 asks for the proxy.
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W008"]
X_FRAME_OPTIONS = "DENY"
# Only what this service serves itself; nothing written into a page runs or styles it, whoever wrote it there.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        # data: for the icons within Swagger's style sheet.
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
CSRF_FAILURE_VIEW = "apps.dashboard.views.errors.forbidden"
LOGIN_URL = "dashboard:login"
LOGIN_REDIRECT_URL = "dashboard:start"
LOGOUT_REDIRECT_URL = "dashboard:login"
PASSWORD_HASHERS = [
    "apps.accounts.hashers.Argon2InTurn",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- Applications -------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "apps.common.administration.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_htmx",
    "apps.common",
    "apps.accounts",
    "apps.projects",
    "apps.access",
    "axes",
    "apps.notifications",
    "apps.ml",
    "apps.importers",
    "apps.mcp",
    "apps.dashboard",
    "apps.upkeep",
]
# Both are what `base/gunicorn_conf.py` says of them.
WEB_WORKERS = config.int("WEB_WORKERS", default=2, most=128)
WEB_THREADS = config.int("WEB_THREADS", default=4, most=64)
MIDDLEWARE = [
    "apps.common.operations.middleware.probes",
    "apps.common.operations.middleware.request_log",
    "apps.common.api.limits.RequestLimits",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.common.operations.middleware.content_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "apps.common.operations.language.ReaderLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.common.operations.pages.PageMessages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last: it answers in place of whatever refused a log-in that is locked.
    "axes.middleware.AxesMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Last of all: it answers in place of the view.
    "apps.common.api.idempotency.FirstAnswers",
]
ROOT_URLCONF = "base.urls"
WSGI_APPLICATION = "base.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "apps.accounts.lock_out.AddressLimit",
    "apps.accounts.lock_out.AccountLimit",
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# So many wrong passwords for one account from one address, on whichever page, lock it for that address. Locked by
# account alone, anybody could lock anybody out; by address alone, a colleague would lock out the office.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# Passwords come by POST. Who comes back from single sign-on has given none, and an address is no account.
AXES_NEVER_LOCKOUT_GET = True
# Further tries while it is locked do not prolong it.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "apps.accounts.lock_out.account_tried"
AXES_CLIENT_IP_CALLABLE = "apps.common.api.throttling.client_address"
AXES_LOCKOUT_CALLABLE = "apps.accounts.lock_out.locked_answer"
# Who logged in when is nobody's business here: only failures are kept, until they are over.
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
# Where a mail sets a new password: Django's three days are long for a key to the house.
PASSWORD_RESET_TIMEOUT = 3600 * 2
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Single sign-on -----------------------------------------------------------------------------------------------
# Without an issuer there is none, and the library that does it is not loaded.
OIDC_ISSUER = config("OIDC_ISSUER", default="")
OIDC_NAME = config("OIDC_NAME", default="Single sign-on")
OIDC_RP_CLIENT_ID = config("OIDC_CLIENT_ID", default="")
OIDC_RP_CLIENT_SECRET = config("OIDC_CLIENT_SECRET", default="")
# Signed with a key that only the provider has: a shared secret would let us sign too.
OIDC_RP_SIGN_ALGO = config.choice("OIDC_ALGORITHM", default="RS256", among=("RS256", "RS512", "ES256", "ES512"))
# False: only who has an account already is let in.
OIDC_CREATE_USER = config.bool("OIDC_CREATE_ACCOUNTS", default=False)
if OIDC_ISSUER:
    AUTHENTICATION_BACKENDS.append("apps.accounts.single_sign_on.backend.SingleSignOn")
else:
    spare("jwt.algorithms")

# --- Language and time --------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
#: Of the pages, by what the browser asks for; English for everybody else. Each is named in its own words.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "base" / "locale"]
#: How days are written in each.
FORMAT_MODULE_PATH = "base.formats"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Static files -------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = made(VAR_DIR / "static")
# Straight from the packages: no collectstatic step stands between a clone and a page.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# --- Database -----------------------------------------------------------------------------------------------------
DATABASES = {"default": config.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    keep_private(VAR_DIR, Path(DATABASES["default"]["NAME"]))
    # What is deleted is overwritten: a write costs a few percent more at most, a large deletion a fifth (measured).
    # WAL alone makes "database is locked" worse: a deferred transaction cannot upgrade its lock. IMMEDIATE can wait.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;",
    }
    DATABASES["default"]["CONN_MAX_AGE"] = 600
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):
    from apps.common.operations.patience import SESSION_OPTIONS, ImpatientConnection

    # A connection from the pool is tried before it is used, or every one that a restart of the database broke would
    # cost a request (measured).
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = {
        "options": SESSION_OPTIONS,
        "connect_timeout": 5,
        # A server that is gone without a word is noticed by the system, too, whoever waits: within half a minute.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,
        **DATABASES["default"].get("OPTIONS", {}),
    }
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "connection_class": ImpatientConnection,
        "min_size": 1,
        # PostgreSQL lets in 100 in all, unless it is told otherwise.
        "max_size": config.int("DATABASE_POOL_SIZE", default=8, most=100),
        # Half a minute, the default, is longer than anybody waits for a page while the database is down.
        "timeout": 5,
        # Then the next request tries anew; by itself it waits twice as long after each try, up to minutes.
        "reconnect_timeout": 2,
    }

# --- API ----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.access.authentication.KeyAuthentication",
        "apps.accounts.log_ins.LogInAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "apps.common.api.renderers.Negotiation",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.api.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "apps.common.api.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "apps.common.api.pagination.Pagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "apps.common.api.problems.problem_response",
    # Whose address counts for the throttle: the header can be written by anybody, unless a proxy of ours writes it.
    "NUM_PROXIES": 1 if config.bool("BEHIND_TLS_PROXY", default=False) else 0,
    "DEFAULT_THROTTLE_CLASSES": [f"apps.common.api.throttling.{kind}Throttle" for kind in ("Shared", "Dear")],
    # Empty: without a limit.
    "DEFAULT_THROTTLE_RATES": {
        "login": config("LOGIN_THROTTLE_RATE", default="20/min"),
        # Wrong passwords of one account, from wherever (NIST SP 800-63B, 5.2.2); browsers that know it go on.
        "account": "100/day",
        "user": config("USER_THROTTLE_RATE", default="1200/min"),
        "key": config("KEY_THROTTLE_RATE", default="1200/min"),
        "address": config("ADDRESS_THROTTLE_RATE", default="300/min"),
        # Mails to others: a person invites a team, no program an address book.
        "invitations": "30/hour",
    },
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=config.int("JWT_ACCESS_MINUTES", default=60, most=43_200)),
    # A changed password ends every session that was opened with the old one.
    "CHECK_REVOKE_TOKEN": True,
    "REFRESH_TOKEN_LIFETIME": timedelta(days=config.int("JWT_REFRESH_DAYS", default=7, most=3_650)),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Scrum ML",
    "VERSION": "1.0.0",
    "DESCRIPTION": "Predictions from a team's own finished work: measured, calibrated, explained.",
    "LICENSE": {"name": "Proprietary: internal use only"},
    "SERVERS": [{"url": "/"}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    # The document changes with the code alone, and `./check schema` looks at it: to an operator it says nothing.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
    # Whoever asks, the document is the same.
    "SERVE_AUTHENTICATION": [],
    "PATH_CONVERTER_OVERRIDES": {
        "day": {"type": "string", "format": "date"},
        "project": {"type": "string", "description": "Key or id of the project."},
        "issue": {"type": "string", "description": "Key or id of the issue."},
    },
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.common.api.openapi.tell_types_of_nullables",
        "apps.common.api.openapi.name_the_formats_of_lists",
    ],
    "ENUM_NAME_OVERRIDES": {
        "SeverityEnum": "apps.common.models.Severity",
        "CategoryEnum": "apps.projects.models.WorkflowStatus.Category",
        "EffortMethodEnum": "apps.ml.serializers.predictions.EFFORT_METHODS",
        "PointsMethodEnum": "apps.ml.serializers.predictions.POINTS_METHODS",
    },
}

# --- Model store --------------------------------------------------------------------------------------------------
# No bucket named: a directory holds the models. With one, any S3-compatible server does.
MODEL_STORE_DIR = config.folder("MODEL_STORE_DIR", default=str(VAR_DIR / "models"), base=BASE_DIR)
AWS_STORAGE_BUCKET_NAME = config("AWS_STORAGE_BUCKET_NAME", default="") or None
AWS_STORAGE_PREFIX = config("AWS_STORAGE_PREFIX", default="")
AWS_S3_REGION_NAME = config("AWS_S3_REGION_NAME", default="us-east-1")
AWS_ACCESS_KEY_ID = config("AWS_ACCESS_KEY_ID", default="") or None
AWS_SECRET_ACCESS_KEY = config("AWS_SECRET_ACCESS_KEY", default="") or None
AWS_SESSION_TOKEN = config("AWS_SESSION_TOKEN", default="") or None
AWS_S3_ENDPOINT_URL = config("AWS_S3_ENDPOINT_URL", default="") or None
AWS_S3_USE_ACCELERATE_ENDPOINT = config.bool("AWS_S3_USE_ACCELERATE_ENDPOINT", default=False)
# Plain servers refuse the header; then only the digest in the database tells damage.
AWS_S3_CHECKSUMS = config.bool("AWS_S3_CHECKSUMS", default=True)
# Somebody's prediction may wait for either: nobody does for longer than a minute to be heard, or ten to be answered. No
# store beyond a wire greets within a tenth of a second each time, or sends a model within one.
AWS_S3_CONNECT_TIMEOUT_SECONDS = config.float("AWS_S3_CONNECT_TIMEOUT_SECONDS", default=2.0, least=0.1, most=60.0)
AWS_S3_TIMEOUT_SECONDS = config.float("AWS_S3_TIMEOUT_SECONDS", default=10.0, least=1.0, most=600.0)
AWS_S3_MAX_RETRIES = config.int("AWS_S3_MAX_RETRIES", default=2, least=0, most=20)
# The first key signs, all verify: put a new key in front to rotate.
ML_SIGNING_KEYS = config.list("ML_SIGNING_KEYS", default=[]) or [SECRET_KEY]

# --- Predictions --------------------------------------------------------------------------------------------------
# False: no project is predicted for, whatever it says itself.
ML_PREDICTIONS_ENABLED = config.bool("ML_PREDICTIONS_ENABLED", default=True)
ML_INTERVAL_LEVEL = config.float("ML_INTERVAL_LEVEL", default=0.8, least=0.5, most=0.99)
# Up to 64 GiB a process, which is no machine's for one of several.
ML_MODEL_CACHE_BYTES = config.int("ML_MODEL_CACHE_MIB", default=256, most=2**16) * 2**20
# What a process knows of projects: indexes of finished work, texts, series, figures of pages.
ML_CACHE_BYTES = config.int("ML_CACHE_MIB", default=256, most=2**16) * 2**20
# Finished work is indexed anew in a thread while the old index answers; tests wait for it instead.
ML_RENEW_ASIDE = True
ML_HISTORY_DAYS = config.int("ML_HISTORY_DAYS", default=365, most=36_500)
ML_SEED_ANOMALY_RULES = config.bool("ML_SEED_ANOMALY_RULES", default=False)

# --- Notifications ------------------------------------------------------------------------------------------------
# Empty: no e-mail is sent, which `check --deploy` and the preferences say. consolemail:// prints it.
EMAIL_URL = config("EMAIL_URL", default="")
vars().update(config.email(EMAIL_URL))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = config("DEFAULT_FROM_EMAIL", default="scrum-ml@localhost")
PUBLIC_URL = (given := config("PUBLIC_URL", default="")).rstrip("/") or given
# Networks of ours that webhooks may reach all the same; all other private addresses are refused.
WEBHOOK_ALLOWED_NETWORKS = config.list("WEBHOOK_ALLOWED_NETWORKS", default=[])

# --- Imports ------------------------------------------------------------------------------------------------------
# The first key seals the tokens of connections, all of them open: put a new key in front to rotate.
CONNECTION_KEYS = config.list("CONNECTION_KEYS", default=[]) or [SECRET_KEY]
# Networks of ours in which a tracker may stand; all other private addresses are refused.
TRACKER_ALLOWED_NETWORKS = config.list("TRACKER_ALLOWED_NETWORKS", default=[])
# Not Django's own, which gives large files a name: what kills a web process would leave them.
FILE_UPLOAD_HANDLERS = ["apps.common.api.upload_files.UnnamedUploadHandler"]

# --- Celery -------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = config("CELERY_BROKER_URL", default="filesystem://")
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# In KiB: a worker that a large training has left with more gives it back, by ending after that task and beginning anew.
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400 * 1024
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = TIME_ZONE
if CELERY_BROKER_URL.startswith("filesystem"):
    BROKER_DIR = VAR_DIR / "broker"
    messages, control = str(made(BROKER_DIR / "messages")), str(made(BROKER_DIR / "control"))
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": messages,
        "data_folder_out": messages,
        "control_folder": control,
        # The default of one second makes one task a second; this answers in 53 ms.
        "polling_interval": 0.05,
    }
# What takes long, or waits for others, has a queue of its own and delays nothing else; `./run worker` serves all.
CELERY_TASK_QUEUES = (Queue("celery"), Queue("long"), Queue("imports"))
_LONG = "train_model replay_past retrain_ml_models note_long_worker sweep_model_store remove_old_history"
_ROUNDS = "detect_anomalies keep_forecasts refresh_indexes watch_sprints replay_pasts record_dated_outcomes"
_IMPORTS = "run_import note_import_worker sync_connections"
CELERY_TASK_ROUTES = {
    **{f"apps.ml.tasks.{name}": {"queue": "long"} for name in f"{_LONG} {_ROUNDS}".split()},
    **{f"apps.{name}": {"queue": "long"} for name in ("upkeep.tasks.finish_erasures", "accounts.tasks.forget_log_ins")},
    **{f"apps.importers.tasks.{name}": {"queue": "imports"} for name in _IMPORTS.split()},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "last-runs.json")

# --- Logging ------------------------------------------------------------------------------------------------------
LOG_LEVEL = config.choice("LOG_LEVEL", default="INFO", among=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOG_FORMAT = config.choice("LOG_FORMAT", default="plain", among=("plain", "json"))
LOGGING = logging_to_console(LOG_LEVEL, as_json=LOG_FORMAT == "json")

# --- Metrics ------------------------------------------------------------------------------------------------------
METRICS_TOKEN = config("METRICS_TOKEN", default="")
METRICS_DIR = metrics_root(VAR_DIR)
if config("METRICS_DIR", default=""):
    METRICS_DIR = config.folder("METRICS_DIR", default="", base=BASE_DIR)
