"""Bakes the default bot, starts it, sends it a message with metadata, shows the slots.

`make demo` runs it. It exits non-zero if the reply or a slot is not as expected.
"""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests
from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).parent.parent
READY_SECONDS = 120

# The question behind this template: how do the values in "metadata" get into slots?
MESSAGE = {
    "sender": "12321133",
    "message": "hey",
    "metadata": {"user": {"name": "Ada"}, "account": {"plan": "pro"}, "locale": "de"},
}
PARAMETERS = "user.name=Ada&account.plan=pro&locale=de"  # the same in a link
REPLY = "Hello Ada!"
SLOTS = {"user_name": "Ada", "plan": "pro", "locale": "de", "user_id": None}


def main(folder: Path) -> int:
    print(f"Baking the default bot into {folder} ...", flush=True)
    bot = bake(folder)
    subprocess.run(["make", "--no-print-directory", "train"], cwd=bot, check=True)

    port = free_port()
    url = f"http://localhost:{port}"
    command = ["make", "--no-print-directory", "run", f"PORT={port}", "ARGS=--enable-api"]
    print(f"Starting it on {url} ...", flush=True)
    with (bot / "demo.log").open("w+") as log:
        server = subprocess.Popen(command, cwd=bot, stdout=log, stderr=subprocess.STDOUT)
        try:
            if not answers(f"{url}/webhooks/rest/", server):
                log.seek(0)
                print(f"The bot did not start:\n{log.read()}", file=sys.stderr)
                return 1
            code = talk(url)
        finally:
            server.terminate()
            server.wait()
    if code == 0:
        print(f"\nTo chat with it, run\n\n  make -C {folder / bot.name} run\n\nand open\n")
        print(f"  http://localhost:5005/webhooks/rest/chat?{PARAMETERS}")
    return code


def bake(folder: Path, **answers: str) -> Path:
    """Bake a bot into a folder, over what is there, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(
        cookiecutter(
            str(TEMPLATE),
            no_input=True,
            extra_context=answers,
            output_dir=str(folder),
            default_config=True,
            overwrite_if_exists=True,
            accept_hooks=True,
        )
    )


def talk(url: str) -> int:
    """Send the message, show the reply and the slots, and return the exit code."""
    print(f"\nPOST {url}/webhooks/rest/webhook\n  {json.dumps(MESSAGE)}\n")
    answer = requests.post(f"{url}/webhooks/rest/webhook", json=MESSAGE, timeout=30)
    print(f"The bot says\n  {answer.text}\n")
    sender = MESSAGE["sender"]
    slots = requests.get(f"{url}/conversations/{sender}/tracker", timeout=30).json()["slots"]
    print("Its slots")
    for slot in SLOTS:
        print(f"  {slot} = {json.dumps(slots[slot])}")
    right = {slot: slots[slot] for slot in SLOTS} == SLOTS
    right = right and [each["text"] for each in answer.json()] == [REPLY]
    print("\nThat is right." if right else f"\nWrong: it should be {REPLY} and {SLOTS}.")
    return 0 if right else 1


def answers(url: str, server: subprocess.Popen[bytes]) -> bool:
    """Wait until a server answers at a URL; False when it ended or took too long."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            return requests.get(url, timeout=1).ok
        except requests.RequestException:
            time.sleep(0.1)
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
