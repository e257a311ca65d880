"""What the security page promises has a test."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/security.md").read_text()


def test_every_promise_names_a_test_that_exists():
    tables = re.findall(r"^\| Promise \|.*\n\| ---.*\n((?:\|.*\n)+)", PAGE, flags=re.M)
    rows = [row for table in tables for row in table.splitlines()]
    named = re.findall(r"`((?:apps|tests)/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    missing = [
        (file, test)
        for file, test in named
        if not (ROOT / file).exists() or (test and f"def {test}(" not in (ROOT / file).read_text())
    ]

    assert missing == []
    assert [row for row in rows if not re.search(r"\| `(?:apps|tests)/[\w/]+\.py", row)] == []
    assert len(rows) > 20
