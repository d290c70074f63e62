"""Baked bots can be trained, tested, run and talked to with their own commands."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.conftest import BAKES, TEMPLATE, Running, made
from tests.test_machinery import PROGRAMS
from tools.demo import answers, free_port

pytestmark = pytest.mark.rasa


@pytest.fixture(params=["default_bot", "other_bot"])
def bot(request):
    return request.getfixturevalue(request.param)


def test_its_own_tests_pass(bot):
    code, output = made(bot, "test")
    assert code == 0, output
    *_, summary = re.findall(r"^.*\d+ passed.*$", output, re.MULTILINE)
    assert re.match(r"[1-9]\d* passed in", summary), output


def test_make_check_finds_nothing(bot):
    code, output = made(bot, "check")
    assert code == 0, output


def test_rasa_data_validate_accepts_each_bake(bake, default_bot):
    """In one process, since importing Rasa takes longer than all of them."""
    bots = {name: str(bake(**answers)) for name, answers in BAKES.items()}
    program = """
import json, os, sys, warnings
from rasa.__main__ import main
command = ["rasa", "data", "validate", "--quiet", "--fail-on-warnings"]
for name, bot in json.loads(sys.argv.pop()).items():
    os.chdir(bot)
    sys.argv = command
    with warnings.catch_warnings(record=True) as found:
        main()  # exits if there is a fault
    said = [str(each.message) for each in found if each.category is UserWarning]
    print([name, [each for each in said if "utter_default" not in each]])
"""
    command = [".venv/bin/python", "-c", program, json.dumps(bots)]
    run = subprocess.run(command, cwd=default_bot, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines() == [str([name, []]) for name in BAKES]


def test_training_again_does_nothing(my_bot):
    model = my_bot / "models" / "bot.tar.gz"
    trained = model.stat().st_mtime
    started = time.monotonic()
    _, output = made(my_bot, "train")
    assert "up to date" in output
    assert model.stat().st_mtime == trained
    assert time.monotonic() - started < 1, "no TensorFlow is needed to find that out"
    (my_bot / "data" / "stories.yml").touch()
    assert "Training" in made(my_bot, "--dry-run", "train")[1]


def test_long_steps_show_progress_at_a_terminal_and_one_line_elsewhere(my_bot):
    (my_bot / "data" / "stories.yml").touch()
    assert "train --quiet" in made(my_bot, "--dry-run", "train")[1]
    program = "import pty; pty.spawn(['make', '--dry-run', 'train'])"
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=my_bot, capture_output=True, text=True)
    assert "train  --domain" in run.stdout


def test_the_examples_in_its_readme_and_its_manual_run(default_bot):
    """They are parts of an action, and a `greet`."""
    texts = [(default_bot / name).read_text() for name in ("README.md", "rasa_metadata/README.md")]
    examples = re.findall(r"^```python\n(.*?)^```", "\n".join(texts), re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    program = f"""
import asyncio
from rasa_sdk.executor import CollectingDispatcher
from in_a_bot.fast.conversation import Conversation, mapped
talk = Conversation({{"user_name": mapped("user.name")}})
talk.say({{"user": {{"name": "Ada"}}, "account": {{"plan": "pro"}}}})
tracker, domain, dispatcher = talk.sdk_tracker(), talk.domain.as_dict(), CollectingDispatcher()
tracker.events[-2]["input_channel"] = "rest"
{"".join(examples)}
asyncio.run(greet(None, dispatcher, tracker, domain))
print(known_metadata(tracker, domain), input_channel(tracker), dispatcher.messages[0]["response"])
"""
    command = [".venv/bin/python", "-W", "ignore", "-c", program]
    env = {**os.environ, "PYTHONPATH": str(TEMPLATE / "tests")}
    run = subprocess.run(command, cwd=default_bot, env=env, capture_output=True, text=True)
    assert run.stdout == (
        "{'user': {'name': 'Ada'}, 'account': {'plan': 'pro'}} rest utter_greet\n"
    ), run.stderr


def test_the_commands_without_make_start_a_bot_with_its_keys(my_bot):
    block = (my_bot / "README.md").read_text().split("## Without make")[1].split("```")[1]
    commands, run, _ = re.split(r"^(.venv/bin/rasa run)$", block, flags=re.MULTILINE)
    *_, commands = re.split(r"^.*(pip install|npm ci).*$", commands, flags=re.MULTILINE)
    port = free_port()
    script = f"set -e\n{commands}\nexec {run} --port {port}"
    process = subprocess.Popen(["bash", "-c", script], cwd=my_bot, start_new_session=True)
    try:
        assert answers(f"http://localhost:{port}/webhooks/rest/", process)
        ready = requests.get(f"http://localhost:{port}/webhooks/rest/ready", timeout=10)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
    assert ready.json() == dict.fromkeys(
        ["model", "tracker store", "lock store", "actions"], "ready"
    )


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


def test_the_demo_shows_the_slots(tmp_path):
    demo = [sys.executable, str(TEMPLATE / "tools" / "demo.py"), str(tmp_path)]
    run = subprocess.run(demo, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert '"text":"Hello Ada!"' in run.stdout
    assert 'plan = "pro"' in run.stdout


@pytest.mark.skipif(not PROGRAMS["cluster"], reason="PostgreSQL, Redis or nginx is not installed")
def test_a_local_cluster_prints_a_curl_keeps_its_servers_up_and_stops_at_ctrl_c(other_bot):
    port = free_port()
    process = subprocess.Popen(
        [".venv/bin/python", "-m", "in_a_bot.local_cluster"],
        cwd=other_bot,
        env={**os.environ, "PYTHONPATH": str(TEMPLATE / "tests"), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
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
        requests.get(f"http://127.0.0.1:{port}", timeout=5)


def read_until(process, begin):
    """Return (all that was printed, the first line that begins so)."""
    printed = ""
    for line in process.stdout:
        printed += line
        if line.startswith(begin):
            return printed, line.strip()
    raise AssertionError(printed)
