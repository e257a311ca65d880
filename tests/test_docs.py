"""The documentation is true: its links lead somewhere, its commands exist, its snippets run."""

import re
import shlex
from argparse import ArgumentParser
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from apps.ml.urls import urlpatterns

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("apps/**/README.md")])
SCRIPTS = {"run", "test", "check", "bench"}
#: Words that leave a command line open.
OPEN = {"...", "…", "ARGS..."}


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The places of a page that a link can name, as a code host makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def relative_links(page: Path) -> list[str]:
    links = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(page))
    return [link for link in links if not re.match(r"[a-z]+:", link)]


def leads_nowhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return not target.exists() or bool(anchor and anchor not in anchors(target))


def commands(page: Path) -> list[list[str]]:
    """Every `./run manage …` on a page, in words, without what a shell would do with comments."""
    found = re.findall(r"\./run manage ([^`\n|>]+)", page.read_text())
    return [shlex.split(line, comments=True) for line in found]


def complaints(words: list[str]) -> str | None:
    """What a management command would say of these arguments; an ellipsis leaves them open."""
    name, *arguments = words
    if name in OPEN:
        return None
    app = get_commands().get(name.rstrip(".,;:"))
    if app is None:
        return f"no command {name}"
    if not arguments or OPEN & set(arguments):
        return None
    command = app if not isinstance(app, str) else load_command_class(app, name)
    parser: ArgumentParser = command.create_parser("manage.py", name)
    try:
        parser.parse_args([word.strip("[]") for word in arguments])
    except Exception as error:  # noqa: BLE001 - whatever the parser says is the finding
        return f"{' '.join(words)}: {error}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_leads_somewhere(page: Path):
    assert [link for link in relative_links(page) if leads_nowhere(page, link)] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_management_command_exists_and_takes_these_arguments(page: Path):
    assert [said for words in commands(page) if (said := complaints(words))] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_script_that_is_named_exists(page: Path):
    named = set(re.findall(r"(?<![\w./])\./(\w+)", page.read_text()))

    assert named <= SCRIPTS


def test_the_reference_lists_every_management_command_of_the_project():
    page = (ROOT / "docs/reference/commands.md").read_text()
    listed = {
        name for row in re.findall(r"^\| (`[a-z_]+.*?) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)", row)
    }

    assert listed == {name for name, app in get_commands().items() if str(app).startswith("apps.")}


def test_the_reference_lists_every_address_of_the_ml_api():
    page = (ROOT / "docs/reference/api.md").read_text()
    listed = re.findall(r"`(?:GET|POST) /api/v1/ml/([^`]*)`", page)

    assert sorted(listed) == sorted(re.sub(r"<\w+:(\w+)>", r"{\1}", str(each.pattern)) for each in urlpatterns)


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in relative_links(page)]
        folders = [page for target in targets if target.is_dir() for page in target.glob("*.md")]
        waiting += [target for target in targets if target.suffix == ".md"] + folders

    assert {page_id(page) for page in PAGES} - {page_id(page) for page in reached} == set()
