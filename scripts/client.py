"""A typed client out of the schema, and whether it reads well: `./check client`.

The generator has an environment of its own, made anew each time: nothing of ours depends on it. Where it cannot be
installed, a note says so.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATOR = "openapi-python-client==0.29.1"
#: What a generator calls what has no name of its own: a value that is one of several things.
UNNAMED = re.compile(r"_type_\d|_item_item|_\d+$")
#: Said twice: "request_request", "response_response".
DOUBLED = re.compile(r"(?:^|_)([a-z]{3,})_\1(?:_|$)")
_IMPORT_ALL = """
import importlib, pkgutil, scrum_ml_client
for module in pkgutil.walk_packages(scrum_ml_client.__path__, "scrum_ml_client."):
    importlib.import_module(module.name)
"""


def main() -> int:
    """1 if the generator warns, if a name reads badly or a module cannot be imported."""
    with tempfile.TemporaryDirectory() as folder:
        return _judge(Path(folder))


def _judge(folder: Path) -> int:
    python = _environment(folder / "env")
    if python is None:
        print(f"note: no client was generated, {GENERATOR} cannot be installed here")
        return 0
    schema, client = folder / "schema.yaml", folder / "client" / "scrum_ml_client"
    _run(sys.executable, "manage.py", "spectacular", "--file", str(schema))
    client.parent.mkdir()
    options = ["--path", str(schema), "--output-path", str(client), "--meta", "none", "--fail-on-warning"]
    # It formats what it made with the ruff of its own environment.
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    was_made = _run(str(python.parent / "openapi-python-client"), "generate", *options, PATH=path)
    faults = list(_badly_named(client))
    print("\n".join(faults))
    return int(not (was_made and not faults and _run(str(python), "-c", _IMPORT_ALL, PYTHONPATH=str(client.parent))))


def _environment(place: Path) -> Path | None:
    """Its python, or None where the generator cannot be had."""
    python = place / "bin" / "python"
    _run(sys.executable, "-m", "venv", str(place))
    return python if _run(str(python), "-m", "pip", "install", "-q", GENERATOR) else None


def _badly_named(client: Path) -> Iterator[str]:
    for module in sorted([*client.glob("models/*.py"), *client.glob("api/*/*.py")]):
        if module.stem != "__init__" and (UNNAMED.search(module.stem) or DOUBLED.search(module.stem)):
            yield f"{module.relative_to(client)} reads badly: name the field, the choice or the operation."


def _run(*command: str, **environment: str) -> bool:
    """Whether it went well."""
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False)  # noqa: S603 - our words
    return done.returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
