"""The first lines of the README work as they are written, with an address of a repository."""

import html
import json
import os
import re
import subprocess

import pytest

from tests.conftest import BIN, TEMPLATE, files, scratch_template

README = (TEMPLATE / "README.md").read_text()
(ADDRESS,) = set(re.findall(r"gh:\S+", README))
LINES = [line for line in README.splitlines() if line.endswith(ADDRESS) or f"{ADDRESS} " in line]
QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text())
ASKED = sum(not name.startswith("_") for name in QUESTIONS)
UV = TEMPLATE / ".uv" / "bin"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Return the address of this template as a git repository."""
    template = scratch_template(tmp_path_factory.mktemp("template"))
    git = ["git", "-C", template, "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "template"]):
        subprocess.run([*git, *command], check=True)
    return f"git+file://{template}"


@pytest.fixture
def programs(tmp_path):
    """Return a folder with uvx, cookiecutter, and pipx, which comes from PyPI."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "uvx").symlink_to(UV / "uvx")
    (folder / "cookiecutter").symlink_to(BIN / "cookiecutter")
    pipx = folder / "pipx"
    pipx.write_text(f'#!/bin/sh\nexec {UV}/uvx --quiet pipx "$@"\n')
    pipx.chmod(0o755)
    return folder


@pytest.mark.rasa  # not for Rasa: pipx and uvx download cookiecutter, which takes long
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split()[0])
def test_a_first_line_bakes_the_default_bot_when_one_presses_enter(
    line, address, programs, bake, tmp_path
):
    command = line.replace(ADDRESS, address)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        command,
        shell=True,
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PIPX_HOME": str(tmp_path / "pipx")},
        input="\n" * 20,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert files(tmp_path / "metadata-bot").keys() == files(bake()).keys()
    assert all(f"[{number}/{ASKED}] " in run.stdout for number in range(2, ASKED + 1))


def test_the_recording_shows_the_first_line_and_the_greeting():
    recording = TEMPLATE / "docs" / "images" / "first-minute.svg"
    text = html.unescape(re.sub(r"<[^>]*>", "", recording.read_text())).replace("\xa0", " ")
    assert recording.stat().st_size < 200_000
    assert LINES[0] in text
    assert f"[{ASKED}/{ASKED}]" in text
    assert "Hello Ada!" in text


def test_the_address_is_in_one_place():
    assert [line.split()[0] for line in LINES] == ["uvx", "pipx", "cookiecutter"]
    documents = [*TEMPLATE.glob("*.md"), *TEMPLATE.glob("docs/*.md")]
    naming = [each.name for each in documents if re.search(r"gh:\w", each.read_text())]
    assert naming == ["README.md"]


def test_what_will_be_installed_and_how_large_is_said_before_it_is(bake, tmp_path):
    (size,) = re.findall(r"([\d.]+ GB) on disk", README)
    run = subprocess.run(
        [BIN / "cookiecutter", TEMPLATE, "--no-input"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert f"uv, Python 3.10 and Rasa into this folder ({size}" in run.stdout
    assert f"({size}" in (bake() / "Makefile").read_text()
