"""The page of the contract is true: each row says what, why, and names a test or file that exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/reference/contract.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith(("| The contract says", "| ---"))
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:40] for row in ROWS])
def test_a_row_says_what_stands_in_its_place_why_and_where_that_is_shown(row):
    assert len(row) == 4, row
    assert all(row)
    [shown] = re.findall(r"`([^`]+)`", row[3].strip("| "))
    path, *names = shown.split("::")
    assert (ROOT / path).exists(), path
    if names:
        assert names[-1] in functions(ROOT / path), shown


def test_each_sentence_has_one_row():
    sentences = [row[0] for row in ROWS]

    assert len(ROWS) > 20
    assert len(set(sentences)) == len(sentences)


def functions(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}
