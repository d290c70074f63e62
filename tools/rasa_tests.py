"""Runs tests of Rasa, and of rasa_sdk, with our classes in place of theirs.

    make rasa-tests RASA_SOURCE=~/rasa RASA_SDK_SOURCE=~/rasa-sdk

The folders are checkouts of Rasa 3.6 and rasa_sdk 3.6; without one of them, its tests are
left out. Tests that fail run again with the installed Rasa as it is: one that fails then,
too, is not counted. Each other one has to be in differences.yml, with the reason, and
nothing else may be there.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import yaml

from tools.demo import TEMPLATE, bake
from tools.in_a_bot import install as install_for_tests

HERE = Path(__file__).parent / "with_our_classes"
DIFFERENCES = HERE / "differences.yml"
OPTIONS = ["-q", "--rootdir=.", "--tb=short", "-p", "no:warnings", "-o", "log_cli=false"]
OPTIONS += ["-k", "not dynamo"]  # a store of Rasa's, whose tests need another dozen packages
NO_TESTS = 5  # pytest's exit code: none of the tests had failed


@dataclass(frozen=True)
class Suite:
    """The folders of a checkout that its tests need, and the tests that run.

    The package is not among them: its tests are to import the one that is installed.
    """

    folders: tuple[str, ...]
    tests: tuple[str, ...]


SUITES = {
    "rasa": Suite(
        ("tests", "data", "examples", "rasa/engine/recipes/config_files"),
        (
            "tests/core/test_channels.py",
            "tests/core/channels",
            "tests/test_server.py",
            "tests/core/test_processor.py",
            "tests/core/test_tracker_stores.py",
            "tests/core/test_lock_store.py",
            "tests/core/test_actions.py",
            "tests/core/actions/test_forms.py",
            "tests/regressions/test_action_extract_slots_11333.py",
            "tests/shared/core/test_slot_mappings.py",
        ),
    ),
    "rasa_sdk": Suite(("tests", "data"), ("tests",)),
}


@dataclass(frozen=True)
class Comparison:
    """Names of tests, by what became of them."""

    passed: list[str]
    different: dict[str, str]  # and why
    not_counted: list[str]
    unexpected: list[str]  # they fail with our classes alone, and are not listed
    stale: list[str]  # they are listed, and pass

    def __str__(self) -> str:
        lines = [f"  {name}: {why}" for name, why in self.different.items()]
        lines += [f"  NOT LISTED: {name}" for name in self.unexpected]
        lines += [f"  LISTED, BUT PASSES: {name}" for name in self.stale]
        counts = f"{len(self.passed)} passed, {len(self.different)} differ on purpose, "
        counts += f"{len(self.not_counted)} not counted"
        return "\n".join([counts, *lines])


def compare(
    found: set[str], with_ours: set[str], without: set[str], listed: dict[str, str]
) -> Comparison:
    """Compare the tests that fail with our classes and, of those, without; all are `found`."""
    failed = with_ours - without
    reasons = {name: listed.get(name) or listed.get(name.split("[")[0], "") for name in failed}
    matched = {name for test in failed for name in (test, test.split("[")[0])}
    return Comparison(
        passed=sorted(found - with_ours),
        different={name: reasons[name] for name in sorted(failed) if reasons[name]},
        not_counted=sorted(without),
        unexpected=sorted(name for name in failed if not reasons[name]),
        stale=sorted(set(listed) - matched),
    )


def run(name: str, source: Path, bot: Path, folder: Path, listed: dict[str, str]) -> Comparison:
    """Run the tests of a checkout, in a copy of it.

    `bot` is installed; `folder / "tools"` has what the tests import besides.
    """
    copy = folder / name
    shutil.rmtree(copy, ignore_errors=True)
    for part in SUITES[name].folders:
        shutil.copytree(source / part, copy / part)
    shutil.copy(source / "pyproject.toml", copy)  # which has pytest's settings
    python = str(bot.absolute() / ".venv" / "bin" / "python")
    path = os.pathsep.join(map(str, (HERE, folder / "tools", bot.absolute())))
    env = {**os.environ, "PYTHONPATH": path, "RASA_TELEMETRY_ENABLED": "false"}

    def failures(plugin: str) -> tuple[set[str], set[str]]:
        report, log = folder / f"{name}-{plugin}.xml", folder / f"{name}-{plugin}.log"
        command = [python, "-m", "pytest", "-p", plugin, *OPTIONS, f"--junit-xml={report}"]
        command += SUITES[name].tests
        with log.open("w") as out:
            ran = subprocess.run(command, cwd=copy, env=env, stdout=out, stderr=out)
        if ran.returncode not in (0, 1, NO_TESTS):  # pytest itself failed
            raise SystemExit(log.read_text())
        return outcomes(report)

    failed, found = failures("rasa_with_our_classes")
    without, _ = failures("rasa_as_it_is")
    return compare(found, failed, without, listed)


def outcomes(report: Path) -> tuple[set[str], set[str]]:
    """Return the names of the tests that failed, and of all that ran, in a JUnit report."""
    failed, found = set(), set()
    for case in ElementTree.parse(report).iter("testcase"):
        name, tags = f"{case.get('classname')}.{case.get('name')}", {each.tag for each in case}
        if "skipped" not in tags:
            found.add(name)
        if tags & {"failure", "error"}:
            failed.add(name)
    return failed, found


def main(folder: Path, sources: dict[str, Path]) -> int:
    bot = bake(folder)
    subprocess.run(["make", "--no-print-directory", "install"], cwd=bot, check=True)
    install_for_tests(bot)
    install = [str(TEMPLATE / ".uv/bin/uv"), "pip", "install", "--quiet", "--require-hashes"]
    install += ["--no-deps", "--python", str(bot / ".venv"), "--target", str(folder / "tools")]
    subprocess.run([*install, "-r", str(HERE / "requirements.txt")], check=True)
    differences, code = yaml.safe_load(DIFFERENCES.read_text()), 0
    for name, source in sources.items():
        print(f"Running {name}'s tests, with our classes ...", flush=True)
        listed = {test: each["why"] for each in differences[name] for test in each["tests"]}
        compared = run(name, source, bot, folder, listed)
        print(compared)
        code |= bool(compared.unexpected or compared.stale)
    return code


if __name__ == "__main__":
    folder, *given = sys.argv[1:]
    sources = {name: Path(source) for name, source in zip(SUITES, given, strict=False) if source}
    if not sources:
        raise SystemExit("Name a checkout: make rasa-tests RASA_SOURCE=… RASA_SDK_SOURCE=…")
    sys.exit(main(Path(folder).absolute(), sources))
