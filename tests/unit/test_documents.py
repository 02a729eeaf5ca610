"""Every reference to a document, an anchor or a file of the repository leads somewhere."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Where a path in a document may start, besides the folder of the document itself.
BASES = (ROOT, ROOT / "tests", ROOT / "src/aimo")
CODE = (
    "src",
    "tests",
    "bench",
    "scripts",
    ".ci",
    ".github",
    "Makefile",
    "Dockerfile",
    "compose.yaml",
    "compose.cluster.yaml",
    "deploy",
    "pyproject.toml",
)

FENCE = re.compile(r"^(```|~~~).*?^\1[^\S\n]*$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
LINK = re.compile(r"\]\(<?([^()\s<>]+)>?(?:[ \t]+\"[^\"]*\")?\)|^\[[^\]]+\]:[ \t]*(\S+)", re.MULTILINE)
EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
SPAN = re.compile(r"`([^`\n]+)`")
SUFFIX = re.compile(r"/[^/]*\.(?:py|md|toml|ya?ml|json|svg|txt|in|patch|mjs|ts|ini|cfg|cnf)$")
REFERENCE = re.compile(
    r"(?<![\w/.-])(?:docs/[\w/-]+(?:\.(?:md|svg|json))?(?!\.?\w)"
    r"|(?:README|MIGRATION|CONTRIBUTING|CHANGELOG|SECURITY)\.md)(?:#[\w-]+)?"
)


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the repository, those not yet added included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    found = [ROOT / name for name in names if name] or [*ROOT.glob("*"), *ROOT.glob("[!.]*/**/*")]
    return tuple(path for path in found if path.is_file())


@cache
def top_folders() -> frozenset[str]:
    return frozenset(path.relative_to(ROOT).parts[0] for path in tracked() if path.parent != ROOT)


def pages() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def code_files() -> list[Path]:
    return [path for path in tracked() if path.relative_to(ROOT).parts[0] in CODE and path.suffix != ".md"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(text: str) -> str:
    """The text without fenced code, whose lines stay so that headings inside are not taken for real ones."""
    return FENCE.sub(lambda match: "\n" * match.group().count("\n"), text)


def slug(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors_of(text: str) -> set[str]:
    seen: Counter[str] = Counter()
    found = set()
    for heading in HEADING.findall(prose(text)):
        anchor = slug(heading)
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


@cache
def anchors_in(page: Path) -> set[str]:
    return anchors_of(page.read_text(encoding="utf-8"))


def fault_of(target: str, start: Path) -> str | None:
    """What is wrong with a path, perhaps with an anchor, relative to ``start``; None when it leads somewhere."""
    name, _, anchor = target.partition("#")
    found = (start.parent if start.is_file() else start) / name if name else start
    if not found.exists():
        return f"{target} does not exist"
    if anchor and (found.suffix != ".md" or anchor not in anchors_in(found)):
        return f"{target} has no such heading"
    return None


def broken_links(text: str, page: Path) -> list[str]:
    targets = [inline or reference for inline, reference in LINK.findall(prose(text))]
    relative = [target for target in targets if not EXTERNAL.match(target) and not target.startswith("/")]
    return [fault for target in relative if (fault := fault_of(target, page))]


def is_repository_path(span: str) -> bool:
    """Whether a piece of code font names a file or folder of the repository rather than a route or a key."""
    if re.search(r"[\s\\<>|=…(){}$]", span) or span.startswith(("/", "~", "-", "http")) or "/" not in span:
        return False
    first = span.removeprefix("./").split("/")[0]
    return first in top_folders() or SUFFIX.search(span.partition("::")[0].partition("#")[0]) is not None


@cache
def functions_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def missing_paths(text: str, page: Path) -> list[str]:
    faults = []
    for span in filter(is_repository_path, SPAN.findall(prose(text))):
        path, _, function = span.partition("::")
        path = path.partition("#")[0]
        bases = (page.parent, *BASES)
        if "*" in path:
            found = [match for base in bases for match in base.glob(path)]
        else:
            found = [base / path for base in bases if (base / path).exists()]
        if not found:
            faults.append(f"{span} does not exist")
        elif function and function not in functions_in(found[0]):
            faults.append(f"{span}: there is no such function")
    return faults


def broken_references(text: str) -> list[str]:
    return [fault for target in REFERENCE.findall(text) if (fault := fault_of(target, ROOT))]


def test_the_readme_opens_with_pictures_of_the_client_that_a_command_takes() -> None:
    opening = (ROOT / "README.md").read_text().partition("\n## ")[0]
    pictures = re.findall(r'<img src="([^"]+)" alt="[^"]+"', opening)
    assert pictures == ["docs/web-desktop.webp", "docs/web-telephone.webp"]
    assert all((ROOT / picture).stat().st_size < 100_000 for picture in pictures)
    assert (
        "tests.web.screenshots" in (ROOT / "Makefile").read_text().partition("\nweb-pictures:")[2].partition("\n\n")[0]
    )


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_link_of_a_page_resolves(page: Path) -> None:
    assert broken_links(page.read_text(encoding="utf-8"), page) == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    assert missing_paths(page.read_text(encoding="utf-8"), page) == []


def test_every_reference_from_code_to_a_document_resolves() -> None:
    broken = []
    for path in code_files():
        if path == Path(__file__):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        broken += [f"{name_of(path)}: {fault}" for fault in broken_references(text)]
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    start = ROOT / "README.md"
    reached, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        for inline, reference in LINK.findall(prose(page.read_text(encoding="utf-8"))):
            target = (page.parent / (inline or reference).partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in reached:
                reached.add(target)
                waiting.append(target)
    documents = [page for page in pages() if page.parent == ROOT or page.is_relative_to(ROOT / "docs")]
    assert [name_of(page) for page in documents if page not in reached] == []


def test_every_decision_is_numbered_and_says_why_and_what_follows() -> None:
    folder = ROOT / "docs/decisions"
    records = sorted(folder.glob("[0-9]*.md"))
    index = (folder / "README.md").read_text(encoding="utf-8")
    for number, record in enumerate(records, 1):
        lines = record.read_text(encoding="utf-8").splitlines()
        title = lines[0].removeprefix(f"# {number}. ")
        assert lines[0] != title, f"{record.name} is not decision {number}"
        assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]
        assert f"| {number} | [{title}]({record.name}) |" in index, f"the index lacks {record.name}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a](nowhere.md)", "nowhere.md does not exist"),
        ("![a](nowhere.svg)", "nowhere.svg does not exist"),
        ("[a]: nowhere.md", "nowhere.md does not exist"),
        ("[a](settings.md#nothing)", "settings.md#nothing has no such heading"),
        ("[a](picture.svg#the-server)", "picture.svg#the-server has no such heading"),
    ],
)
def test_a_broken_link_is_found(text: str, fault: str) -> None:
    assert broken_links(text, ROOT / "docs/settings.md") == [fault]


def test_links_that_resolve_are_no_faults() -> None:
    text = "[a](settings.md#the-server) [b](../README.md) [c](https://example.org/x) [d](mailto:a@example.org)"
    assert broken_links(f"{text}\n```\n[e](nowhere.md)\n```\n", ROOT / "docs/settings.md") == []


@pytest.mark.parametrize(
    "span",
    ["src/aimo/nothing.py", "docs/nothing.md", "tests/unit/test_documents.py::test_nothing", "faults/nothing.py"],
)
def test_a_path_to_nothing_is_found(span: str) -> None:
    assert len(missing_paths(f"See `{span}`.", ROOT / "docs/settings.md")) == 1


@pytest.mark.parametrize(
    "span",
    ["src/aimo/db", "docs/*.md", "tests/unit/test_documents.py::test_a_path_to_nothing_is_found", "unit/test_log.py"],
)
def test_a_path_to_something_is_no_fault(span: str) -> None:
    assert is_repository_path(span)
    assert missing_paths(f"See `{span}`.", ROOT / "docs/settings.md") == []


@pytest.mark.parametrize("span", ["/api/v1/memos", "avatar/{uid}/{day}", "text/html", "GET /files/x", "a / b"])
def test_routes_and_keys_are_no_paths(span: str) -> None:
    assert not is_repository_path(span)


def test_a_reference_to_a_missing_anchor_is_found() -> None:
    page = "docs/" + "settings.md"
    assert broken_references(f"see {page}#the-server, {page}.") == []
    assert broken_references(f"({page}#nothing)") == [f"{page}#nothing has no such heading"]


def test_headings_have_the_anchors_that_github_gives_them() -> None:
    text = "# A `b` c\n## Order of checks, twice!\n## Same\n## Same\n```\n# no heading\n```\n"
    assert anchors_of(text) == {"a-b-c", "order-of-checks-twice", "same", "same-1"}
