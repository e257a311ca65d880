"""What a web process loads: never scikit-learn, pandas or a pickle."""

import subprocess
import sys

SCRIPT = """
import sys
import base.wsgi
from django.urls import get_resolver
get_resolver().url_patterns
import apps.ml.viewsets.predictions
import apps.ml.viewsets.sprints
print(sorted({name.split(".")[0] for name in sys.modules} & {"sklearn", "pandas", "joblib"}))
"""


def test_a_web_process_imports_neither_scikit_learn_nor_pandas_nor_joblib():
    done = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
