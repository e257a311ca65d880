"""The few differences for tests."""

import tempfile
from pathlib import Path

from base.settings import *  # noqa: F403
from base.settings import MIDDLEWARE as _MIDDLEWARE

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# WhiteNoise scans the static root anew for every test client: three times the suite's time for nothing.
MIDDLEWARE = [name for name in _MIDDLEWARE if "whitenoise" not in name]
# Each process its own folder: nothing of a developer's installation is read or written.
VAR_DIR = Path(tempfile.mkdtemp(prefix="scrum-ml-test-"))
MODEL_STORE_DIR = VAR_DIR / "models"
SECRET_KEY = "a-secret-that-only-the-tests-use-and-that-is-long-enough"  # noqa: S105
ML_SIGNING_KEYS = ["test-signing-key"]
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {}}  # noqa: F405
AXES_ENABLED = False
# A thread of its own would not see what a test has not committed.
ML_RENEW_ASIDE = False
