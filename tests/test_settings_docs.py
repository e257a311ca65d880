"""The code, `.env.example` and the reference page name the same settings with the same defaults."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("base/settings.py", "base/gunicorn_conf.py")
#: Folders below the var folder are written out in words.
VAR_DIR = "SCRUM_ML_VAR_DIR"
#: What the two sources call the environment; gunicorn takes the name `config` for itself.
READERS = {"config", "env"}


def settings_in_code() -> dict[str, str]:
    """Name → default of every `config(...)` call, as an `.env` file would write it."""
    trees = [ast.parse((ROOT / source).read_text()) for source in SOURCES]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {call.args[0].value: default_of(call) for call in calls if reads_setting(call)}


def reads_setting(call: ast.Call) -> bool:
    function = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    is_config = isinstance(function, ast.Name) and function.id in READERS
    return is_config and bool(call.args) and isinstance(call.args[0], ast.Constant)


def default_of(call: ast.Call) -> str:
    [default] = [keyword.value for keyword in call.keywords if keyword.arg == "default"]
    match default:
        case ast.Constant(value):
            return str(value)
        case ast.List(elements):
            return ",".join(element.value for element in elements)
        case _:
            path = ast.unparse(default)
            folder = re.sub(r"BASE_DIR / '(\w+)'", r"\1", path)
            folder = re.sub(r"VAR_DIR / '([\w.]+)'", rf"{VAR_DIR}/\1", folder)
            return re.sub(r"^(str\(|f[\"'])|[)}\"']*$|[{}]", "", folder)


def settings_in_example() -> dict[str, str]:
    text = (ROOT / ".env.example").read_text()
    return dict(re.findall(r"^# ([A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def settings_in_reference() -> dict[str, str]:
    text = (ROOT / "docs/reference/settings.md").read_text()
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) ?\| .+ \|$", text, re.MULTILINE)
    return {name: default.strip("`") for name, default in rows}


def test_the_example_file_shows_every_setting_with_its_default():
    assert settings_in_example() == settings_in_code()


def test_the_reference_page_explains_every_setting_with_its_default():
    assert settings_in_reference() == settings_in_code()


@pytest.mark.parametrize("name", ["DATABASE_URL", "AWS_STORAGE_BUCKET_NAME", "ML_SIGNING_KEYS", "WEB_WORKERS"])
def test_the_reader_of_the_code_finds_the_settings_that_it_should(name):
    assert name in settings_in_code()
