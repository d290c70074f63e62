"""Runs the life-cycle tests with the ways that people use today, and tables the outcome.

`make life-cycle` runs it and writes docs/life-cycle.md. The tests are test_life_cycle.py and
test_sessions.py in tests/in_a_bot/live.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tools.demo import TEMPLATE, bake
from tools.in_a_bot import TESTS, install, pytest_in

DOCUMENT = TEMPLATE / "docs" / "life-cycle.md"
DOCUMENTED = TEMPLATE / "tools" / "as_documented"
CASES = ("live/test_life_cycle.py", "live/test_sessions.py")


@dataclass(frozen=True)
class Setup:
    """A way to get metadata into slots: its column's title, and what it consists of."""

    title: str
    files: dict[str, str] = field(default_factory=dict)  # of the bot: one of tools/as_documented
    own_session_start: bool = True
    modes: str = "not process"  # of the tests' parameters


NO_SYNC = {"endpoints.yml": "endpoints.yml", "actions/sync_metadata.py": "no_sync.py"}
SESSION_START = {"actions/session_start.py": "session_start.py"}
SYNC = {"endpoints.yml": "endpoints.yml", "actions/sync_metadata.py": "sync_metadata.py"}
SETUPS = {
    "rest": Setup("Rasa's `rest`", NO_SYNC, own_session_start=False),
    "snippet": Setup("and the documented session start", {**NO_SYNC, **SESSION_START}),
    "mapping": Setup("and a mapping in each turn", {**SYNC, **SESSION_START}),
    "behind rest": Setup("our actions behind Rasa's `rest`", modes="not server"),
    "this bot": Setup("this bot", modes="process or server"),
}


def prepare(bot: Path, tests: Path, setup: Setup) -> None:
    """Change a default bot, and a copy of tests/in_a_bot, to another way."""
    if setup is SETUPS["this bot"]:
        return
    for name, other in setup.files.items():
        shutil.copy(DOCUMENTED / other, bot / name)
    probe = tests / "live" / "probe"
    (probe / "credentials.yml").write_text("rest:\n")
    if setup.files:
        (probe / "actions/probe_session_start.py").unlink()
    if not setup.own_session_start:
        (bot / "actions/session_start.py").unlink()
        for domain in (bot / "domain.yml", *(probe / "domain").rglob("*.yml")):
            text = domain.read_text().replace("  - action_session_start\n", "")
            domain.write_text(text)


def outcomes(bot: Path, setup: Setup) -> dict[str, str]:
    """Run the tests in a default bot, which this changes; return {case: what went wrong}."""
    tests = bot.parent / "tests" / "in_a_bot"
    shutil.copytree(TESTS, tests)
    prepare(bot, tests, setup)
    report = bot.parent / "report.xml"
    options = [f"--junit-xml={report}", "-k", setup.modes]
    run = pytest_in(bot, *CASES, *options, tests=tests, capture_output=True, text=True)
    if run.returncode > 1:  # pytest itself failed, not a test
        raise SystemExit(run.stdout + run.stderr)
    found: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        failure = case.find("failure")
        error = case.find("error")
        if error is not None:
            raise SystemExit(error.text)
        name = sentence(case.attrib["name"])
        wrong = "" if failure is None else difference(failure.attrib["message"])
        found[name] = found.get(name) or wrong
    return found


def sentence(test: str) -> str:
    """Return a test's name as words, without its parameters."""
    return test.split("[")[0].removeprefix("test_").replace("_", " ")


def difference(message: str) -> str:
    """Return from pytest's message the value that was found and the one that was expected."""
    compared = re.search(r"assert (.+?) == (.+)", message)
    text = f"{compared[1]}, not {compared[2]}" if compared else message.split("\n")[0]
    return text if len(text) < 70 else f"{text[:70]} ..."


def table(results: dict[str, dict[str, str]]) -> str:
    rows = [["", *(SETUPS[name].title for name in results), "what Rasa's `rest` gives"]]
    rows.append(["---"] * len(rows[0]))
    for case in results["this bot"]:
        marks = ["no" if found[case] else "yes" for found in results.values()]
        rows.append([case, *marks, f"`{results['rest'][case]}`" if results["rest"][case] else ""])
    counts = [sum(not wrong for wrong in found.values()) for found in results.values()]
    rows.append([f"**{len(rows) - 2} cases**", *(f"**{count}**" for count in counts), ""])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    original = None
    results = {}
    for name, setup in reversed(SETUPS.items()):
        target = folder / name.replace(" ", "-")
        shutil.rmtree(target, ignore_errors=True)
        bot = bake(target)
        if original is None:
            original = bot
            subprocess.run(["make", "--no-print-directory", "install"], cwd=bot, check=True)
            install(bot)
        else:
            (bot / ".venv").symlink_to(original.absolute() / ".venv")
        print(f"Running the tests with: {setup.title} ...", flush=True)
        results[name] = outcomes(bot, setup)
    before, mark, _ = DOCUMENT.read_text().partition("<!-- table -->\n")
    DOCUMENT.write_text(f"{before}{mark}\n{table({name: results[name] for name in SETUPS})}\n")
    print(f"Written to {DOCUMENT.relative_to(TEMPLATE)}.")
    return 1 if any(results["this bot"].values()) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
