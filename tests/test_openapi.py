"""The OpenAPI document describes what a live bot answers, and the manual says the same."""

import re
import subprocess

import pytest
import requests
import yaml

from tests.conftest import BOT, TEMPLATE, Running, change, copied, made

ANSWERS = yaml.safe_load((BOT / "rasa_metadata/validation/openapi.yml").read_text())["answers"]
REASONS = {(str(status), reason) for status, reasons in ANSWERS.items() for reason in reasons}
# Those that no message to the REST channel gets: of other addresses, and of other channels.
ELSEWHERE = {("403", "CrossSite"), ("404", "NotFound"), ("503", "NotReady"), ("503", "TooMany")}
ELSEWHERE |= {("400", "BadMessage"), ("401", "BadSignature"), ("405", "MethodNotAllowed")}
EXAMPLES = ["--max-examples=40", "--generation-deterministic", "--generation-allow-x00=false"]


def test_the_manual_has_the_answers_of_the_document():
    manual = (BOT / "rasa_metadata/README.md").read_text()
    rows = re.findall(r"^\| (.+) \| (\d+) `(\w+)` \|$", manual, re.MULTILINE)
    wanted = [(code, *each) for code, reasons in ANSWERS.items() for each in reasons.items()]
    assert rows == [(when, str(code), reason) for code, reason, when in wanted]


def test_it_has_each_reason_that_the_documentation_names():
    rows = (TEMPLATE / "docs" / "api-errors.md").read_text()
    named = set(re.findall(r"\| (\d{3}) (\w+)\b.*\|$", rows, re.MULTILINE))
    assert named <= REASONS | ELSEWHERE


def test_it_has_each_reason_in_the_code():
    code = "".join(path.read_text() for path in (BOT / "rasa_metadata").rglob("*.py"))
    named = set(re.findall(r'ApiError\((\d{3}), "(\w+)"', code))
    named |= {("503", reason) for reason in re.findall(r'try_again\([^)]*, "(\w+)"', code)}
    assert len(named) > 15
    assert named - ELSEWHERE <= REASONS


@pytest.fixture(scope="module", params=["guests", "users"])
def running(request, default_bot, tmp_path_factory):
    """Return a running bot for everybody, or for those who have a token."""
    bot = copied(default_bot, tmp_path_factory.mktemp("openapi"))
    guests = "true" if request.param == "guests" else "false"
    change(bot, "credentials.yml", "  action_timeout:", f"  guests: {guests}\n  action_timeout:")
    running = Running(bot)
    running.headers = []
    if request.param == "users":
        _, output = made(bot, "--silent", "token", "SUB=u1")
        running.headers = ["--header", f"Authorization: Bearer {output.split()[-1]}"]
    yield running
    running.stop()


@pytest.mark.rasa
def test_it_is_valid_and_schemathesis_finds_no_other_answer(running, generators, tmp_path):
    address = f"{running.url}/webhooks/rest/openapi.json"
    document = tmp_path / "openapi.json"
    document.write_bytes(requests.get(address, timeout=10).content)
    programs = generators / ".venv" / "bin"
    for command in (
        [programs / "openapi-spec-validator", document],
        [programs / "schemathesis", "run", address, "--checks=all", *EXAMPLES, *running.headers],
    ):
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, run.stdout + run.stderr
    assert "No issues found" in run.stdout
    print(run.stdout)
