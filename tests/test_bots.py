"""Bots baked from the template pass their own tests and can be talked to."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.conftest import BAKES, TEMPLATE, Running, made, make
from tools.demo import free_port

pytestmark = pytest.mark.rasa

# Where one is missing, a bot's tests of the cluster say so and are skipped.
CLUSTER = bool(
    list(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    and shutil.which("redis-server")
    and shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
)
OTHER_SLOTS = (
    "city: text from geo.city; age: float(0..130); vip: bool; signed tier: text; turn page: text"
)


@pytest.fixture(scope="module")
def other_bot(bake):
    answers = {"web_chat": "no", "ci": "gitlab", "license": "Apache-2.0", "deployment": "compose"}
    return bake(project_name="Other Bot", metadata_slots=OTHER_SLOTS, **answers)


@pytest.fixture(params=["default_bot", "other_bot"])
def bot(request):
    return request.getfixturevalue(request.param)


def test_its_own_tests_pass(bot):
    code, output = made(bot, "test")
    assert code == 0, output
    print(output)
    passed = re.search(r"(\d+) passed", output)
    assert passed
    assert int(passed[1]) > 150
    unwanted = r"failed|skipped|error" if CLUSTER else r"failed|error"
    assert not re.search(unwanted, output.split("\n")[-2])


def test_a_bot_for_kubernetes_passes_its_tests_too(bake, default_bot):
    """Those that start a cluster do so in the bot for compose, which has the same ones."""
    bot = bake(deployment="kubernetes", ci="none", license="none")
    (bot / ".venv").symlink_to(default_bot / ".venv")
    tests = ["tests/fast", "tests/cluster/test_files.py", "tests/cluster/test_manifests.py"]
    command = [".venv/bin/python", "-m", "pytest", *tests]
    run = subprocess.run(command, cwd=bot, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert "skipped" not in run.stdout


def test_rasa_data_validate_passes_for_each_bake(bake, default_bot):
    """Two at a time, with the Rasa of the default bot."""
    rasa = [default_bot / ".venv/bin/python", "tools/quiet_rasa.py", "data", "validate"]

    bots = [bake(**answers) for answers in BAKES.values()]  # changes the folder, so no threads

    def validate(bot):
        command = [*rasa, "--quiet", "--fail-on-warnings"]
        return subprocess.run(command, cwd=bot, capture_output=True, text=True)

    with ThreadPoolExecutor(2) as pool:
        for name, run in zip(BAKES, pool.map(validate, bots), strict=True):
            assert run.returncode == 0, name + run.stdout + run.stderr
            assert "UserWarning" not in run.stderr, name + run.stderr


def test_training_again_does_nothing(bot):
    made(bot, "train")
    model = bot / "models" / "bot.tar.gz"
    trained = model.stat().st_mtime
    started = time.monotonic()
    _, output = made(bot, "train")
    assert "up to date" in output
    assert model.stat().st_mtime == trained
    assert time.monotonic() - started < 1, "no TensorFlow is needed to find that out"
    (bot / "data" / "stories.yml").touch()
    assert "Training" in made(bot, "--dry-run", "train")[1]


def test_what_it_has_of_rasas_rules_says_what_rasas_code_says(default_bot):
    file = TEMPLATE / "tests" / "in_a_bot" / "rasas_code.py"
    pytest_here = ["-m", "pytest", "--noconftest", "--rootdir=.", "-c", "pyproject.toml"]
    command = [".venv/bin/python", *pytest_here, file]
    run = subprocess.run(command, cwd=default_bot, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert "3 passed" in run.stdout


def test_the_examples_in_its_readme_run(default_bot):
    """As a part of an action, with a conversation that was told what they ask for."""
    readme = (default_bot / "README.md").read_text()
    examples = "".join(re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL))
    program = f"""
from rasa_sdk.executor import CollectingDispatcher
from tests.fast.conversation import Conversation, mapped
talk = Conversation({{"user_name": mapped("user.name")}})
talk.say({{"user": {{"name": "Ada"}}, "account": {{"plan": "pro"}}}})
tracker, domain, slots = talk.sdk_tracker(), talk.domain.as_dict(), talk.slots
tracker.events[-2]["input_channel"] = "rest"
dispatcher = CollectingDispatcher()
{examples}
print(known_metadata(tracker, domain), input_channel(tracker), dispatcher.messages[0]["text"])
"""
    command = [".venv/bin/python", "-W", "ignore", "-c", program]
    run = subprocess.run(command, cwd=default_bot, capture_output=True, text=True)
    assert run.stdout == (
        "{'user': {'name': 'Ada'}, 'account': {'plan': 'pro'}} rest Hello Ada!\n"
    ), run.stderr


@pytest.fixture
def running(bot):
    running = Running(bot)
    yield running
    if running.process.poll() is None:
        running.stop()


def test_make_run_prints_a_curl_that_works_and_stops_at_ctrl_c(running):
    while True:  # the line is logged just before the server answers
        pasted = subprocess.run([*shlex.split(running.curl), "-s"], capture_output=True, text=True)
        if pasted.returncode == 0:
            break
    (answer,) = json.loads(pasted.stdout)
    assert answer["text"].startswith("Hello")
    running.stop()
    assert "Traceback" not in running.printed
    assert "Warning" not in running.printed
    with pytest.raises(requests.ConnectionError):
        running.say("hello")


@pytest.mark.parametrize("bot", ["default_bot"], indirect=True)
def test_the_default_bot_knows_whom_it_talks_to(running):
    ada = {"user": {"name": "Ada"}, "account": {"plan": "pro"}, "locale": "de"}
    assert running.say("hey", **ada) == ["Hello Ada!"]
    assert running.say("what plan am I on?") == ["Your plan is pro."]
    assert running.say("what plan am I on?", account={"plan": "free"}) == ["Your plan is free."]
    assert running.say("what is my name?", user={"name": None}) == ["I do not know your name yet."]
    assert running.say("hello there") == ["Hello!"]
    assert running.say("who is the king of France?") == [
        "Sorry, I did not get that. Could you say it in other words?"
    ]
    assert running.say("what do you know about me?") == [
        'I was told: {"user": {}, "account": {"plan": "free"}, "locale": "de"}'
    ]


@pytest.mark.parametrize("bot", ["other_bot"], indirect=True)
def test_another_bot_talks_about_the_slots_it_has(running):
    assert running.say("hello", geo={"city": "Rome"}, age=36, vip=True) == ["Hello!"]
    assert running.say("what is my city?") == ["Your city is Rome."]
    assert running.say("what is my age?") == ["Your age is 36."]
    assert running.say("am I vip?") == ["Yes: vip."]
    assert running.say("am I vip?", vip=False) == ["No: not vip."]
    assert running.say("what is my tier?") == ["I do not know your tier yet."]


def test_the_demo_shows_the_slots(tmp_path):
    demo = [sys.executable, str(TEMPLATE / "tools" / "demo.py"), str(tmp_path)]
    run = subprocess.run(demo, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert '"text":"Hello Ada!"' in run.stdout
    assert 'plan = "pro"' in run.stdout


@pytest.mark.skipif(not CLUSTER, reason="PostgreSQL, Redis or nginx is not installed")
def test_make_cluster_prints_a_curl_keeps_its_servers_up_and_stops_at_ctrl_c(other_bot):
    url = f"http://127.0.0.1:{free_port()}"
    port = url.rsplit(":", 1)[1]
    process = make(other_bot, "cluster", f"PORT={port}", start_new_session=True)
    try:
        printed, curl = read_until(process, "  curl ")
        pasted = subprocess.run(["bash", "-c", f"{curl} -s"], capture_output=True, text=True)
        (answer,) = json.loads(pasted.stdout)
        assert answer["text"].startswith("Hello")
        servers = re.findall(r"  (\S+): process (\d+)", printed)
        name, pid = servers[-1]
        os.kill(int(pid), signal.SIGKILL)
        read_until(process, f"{name} ended; starting it again.")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=120)
    assert not [cwd for cwd in Path("/proc").glob("[0-9]*/cwd") if cwd.resolve() == other_bot]
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def read_until(process, begin):
    """Return (all that was printed, the first line that begins so)."""
    printed = ""
    for line in process.stdout:
        printed += line
        if line.startswith(begin):
            return printed, line.strip()
    raise AssertionError(printed)
