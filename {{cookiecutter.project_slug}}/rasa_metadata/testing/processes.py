"""Starts programs, waits until they answer, and stops them again."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests

RASA = [sys.executable, "-m", "rasa_metadata", "rasa"]
READY_SECONDS = 120
STOP_SECONDS = 40


class NotStarted(RuntimeError):
    """A program ended, or took too long; with what it printed."""


class Process:
    """A process in a project; what it prints goes to a log there, or in `logs`.

    It is in a session of its own: Ctrl-C is for who started it, and who then stops it.
    """

    def __init__(
        self, project: Path, name: str, command: list[str], logs: Path | None = None, **env: str
    ) -> None:
        self.name, self.project, self.command, self.env = name, project, command, env
        self.log = (logs or project) / f"{name}.log"
        self.log.touch()
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.project,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool]) -> None:
        if not wait_for(lambda: self.process.poll() is not None or ready(), READY_SECONDS):
            raise NotStarted(f"{self.name} does not answer:\n{self.printed()}")
        if self.process.poll() is not None:
            raise NotStarted(f"{self.name} ended:\n{self.printed()}")

    def wait_until_it_answers(self, url: str) -> None:
        self.wait_until(lambda: answers(url))

    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """Kill it, in the middle of its work."""
        self.process.kill()
        self.process.wait()

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        """Let it finish its work, and wait until it has ended."""
        self.process.send_signal(with_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


def wait_for(condition: Callable[[], bool], seconds: float = READY_SECONDS) -> bool:
    """Poll a condition; return whether it became true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def free_port() -> int:
    """Return a port that is free, and stays so for a server that is started again: none of
    those that outgoing connections get, and none that was returned before."""
    while True:
        port = random.randrange(16384, 32768)
        if port not in _given and not listens(port):
            _given.add(port)
            return port


_given: set[int] = set()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
