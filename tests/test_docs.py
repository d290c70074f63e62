"""The links in the documents lead somewhere, and their examples are right."""

import ast
import json
import re
import subprocess
from urllib.parse import unquote

import pytest
import yaml

from tests.conftest import BOT, PAIRS, TEMPLATE, check_schema, made

DOCS = TEMPLATE / "docs"
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def markdown(folder):
    listed = [*folder.glob("*.md"), *folder.glob(".github/**/*.md")]
    return listed + [
        path for name in ("docs", "benchmarks") for path in folder.glob(f"{name}/*.md")
    ]


def anchors(path):
    """Return the anchors of a file's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", CODE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(folder):
    for path in markdown(folder):
        for link in LINK.findall(CODE.sub("", path.read_text())):
            if "://" in link or link.startswith("mailto:"):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = path.parent / name if name else path
            if not target.exists():
                yield f"{path.relative_to(folder)}: {link}"
            elif anchor and anchor not in anchors(target):
                yield f"{path.relative_to(folder)}: {link}: no such heading"


def test_links_in_the_template_lead_somewhere():
    assert len(markdown(TEMPLATE)) > 8
    assert list(broken_links(TEMPLATE)) == []


def test_each_patch_of_rasa_is_explained():
    source = (BOT / "rasa_metadata/runtime/patches.py").read_text()
    patches = re.search(r"^PATCHES: .*?= \((.*?)\)", source, re.MULTILINE | re.DOTALL)[1]
    explained = re.findall(r"^\*\*(\w+)\*\* \(`", (DOCS / "design.md").read_text(), re.MULTILINE)
    assert explained == re.findall(r"\w+", patches)


def test_forms_for_issues_are_what_githubs_schema_says():
    forms = sorted((TEMPLATE / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    assert len(forms) == 2
    check_schema("github-issue-forms", *forms)


def test_the_table_of_tokens_is_what_the_tests_expect():
    text = (DOCS / "tokens.md").read_text().split("## The provider")[0]
    rows = dict(re.findall(r"^\| (.+) \| (\d+) \|$", text, re.MULTILINE))
    tree = ast.parse((TEMPLATE / "tests/in_a_bot/fast/test_openid.py").read_text())
    named = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    events = zip(named["EVENTS"].keys, named["EVENTS"].values, strict=True)
    expected = {key.value: ast.unparse(value.elts[1]) for key, value in events}
    statuses = {name: answer.replace("WRONG", "(401")[1:4] for name, answer in expected.items()}
    assert statuses == rows


def test_make_explains_each_of_its_commands():
    listed = subprocess.run(["make"], cwd=TEMPLATE, capture_output=True, text=True).stdout
    names = re.findall(r"^  make (\S+) +\S", listed, re.MULTILINE)
    makefile = (TEMPLATE / "Makefile").read_text().replace("\\\n", "")
    (phony,) = re.findall(r"^\.PHONY: (.*)", makefile, re.MULTILINE)
    assert names == phony.split()


@pytest.mark.parametrize("answers", PAIRS.values(), ids=PAIRS)
def test_links_in_a_bot_lead_somewhere(bake, answers):
    assert list(broken_links(bake(**answers))) == []


@pytest.mark.parametrize("web_chat", ["yes", "no"])
def test_without_make_one_installs_the_same(bake, web_chat):
    bot = bake(web_chat=web_chat)
    _, printed = made(bot, "--dry-run", "install")
    (by_make,) = re.findall(r"pip sync .*?--python \.venv (.*)$", printed, re.MULTILINE)
    (by_hand,) = re.findall(r"bin/pip install (.*)$", (bot / "README.md").read_text(), re.MULTILINE)
    assert re.findall(r"-r (\S+)", by_hand) == by_make.split()


def test_the_readme_leads_to_every_document():
    links = LINK.findall((TEMPLATE / "README.md").read_text())
    assert {f"docs/{path.name}" for path in DOCS.glob("*.md")} <= set(links)


def test_each_question_is_explained_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", (DOCS / "prompts.md").read_text(), re.MULTILINE)
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text())
    assert [name for name, _ in rows] == [name for name in questions if not name.startswith("_")]
    for name, default in rows:
        value = questions[name]
        value = "yes" if value is True else value[0] if isinstance(value, list) else value
        assert f"`{value}`" in default or name in ("project_slug", "metadata_slots", "channels")


def test_the_example_of_a_slot_line_is_what_it_becomes(bake):
    text = (DOCS / "prompts.md").read_text()
    (line,) = re.findall(r"metadata_slots='(.*?)'", text)
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert shown in (bake(metadata_slots=line) / "domain.yml").read_text()


def contract_examples():
    """Return [(value of `metadata`, JSON)] of docs/contract.md, in order."""
    text = (DOCS / "contract.md").read_text()
    kinds = [re.findall(rf"^```{kind}\n(.*?)^```", text, re.M | re.S) for kind in ("yaml", "json")]
    return [(yaml.safe_load(y), json.loads(j)) for y, j in zip(*kinds, strict=True)]


@pytest.mark.rasa
def test_each_key_of_the_contract_has_an_example_that_is_valid(default_bot):
    (whole, first), *others = contract_examples()
    keys = {"path", *(key for example, _ in others for key in example["metadata"])}
    slots = [(whole["slots"]["plan"], first)]
    for example, metadata in others:
        mapping = {"type": "custom", "action": "action_sync_metadata", **example}
        slots.append(({"type": "text", "mappings": [mapping]}, metadata))
    program = """
import json, sys
from rasa_metadata.contract import contract_of, lookup, violations
from rasa_metadata.contract.fields import KEYS
print(json.dumps(KEYS))
for slot, metadata in json.loads(sys.argv[1]):
    contract = contract_of({"slots": {"it": slot}})
    assert lookup(metadata, contract.fields[0].path), metadata
    assert not violations(contract, metadata), metadata
"""
    command = [".venv/bin/python", "-c", program, json.dumps(slots)]
    run = subprocess.run(command, cwd=default_bot, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert keys == set(json.loads(run.stdout))
    headings = anchors(DOCS / "contract.md")
    assert keys <= headings
