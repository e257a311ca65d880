"""Libraries that others load only because they are installed, and that nothing here uses: kept out of every process.

Django REST framework looks for what might highlight its browsable pages, call it or hold PostgreSQL's own fields; PyJWT
for keys of two halves, where our tokens are signed with one (single sign-on needs them, and spares nothing then). A
fifth of the memory after the start went there.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: What is loaded without the libraries that it can do without.
SPARED = {
    "rest_framework.compat": ("django.contrib.postgres", "requests", "pygments"),
    "jwt.algorithms": ("cryptography",),
}


def spare(*modules: str) -> None:
    """Load these without those; who wants them later gets them."""
    for name in modules:
        with absent(*SPARED[name]):
            importlib.import_module(name)


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Within it modules that are not loaded yet are as if not installed."""
    hidden = [name for name in names if name not in sys.modules]
    # What the import system itself does with a name that shall not be found.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
