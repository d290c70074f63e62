"""Records the README's first minute in a terminal: `make cast` draws docs/images/first-minute.svg.

It types the README's first lines into a shell, waits for what they print, and writes an asciicast
(https://docs.asciinema.org/manual/asciicast/v2/). `make cast` shortens the pauses when it draws.
"""

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
COLUMNS, ROWS = 92, 26
PROMPT = "$ "
MESSAGE = '{"sender": "12321133", "message": "hey", "metadata": {"user": {"name": "Ada"}}}'
PORT = "5005"


def main(folder: Path, output: Path) -> None:
    readme = (TEMPLATE / "README.md").read_text()
    (command,) = re.findall(r"^uvx cookiecutter gh:\S+$", readme, re.MULTILINE)
    shutil.rmtree(folder, ignore_errors=True)
    address = folder.parent / "cast-addresses" / command.partition("gh:")[2]
    shutil.rmtree(address, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", TEMPLATE, address], check=True)
    folder.mkdir(parents=True)
    config = address.parent / "cookiecutter.yml"
    config.write_text(f"abbreviations: {{gh: '{address.parent.parent}/{{0}}'}}\n")
    environment = {
        "COOKIECUTTER_CONFIG": str(config),
        "HOME": os.environ["HOME"],
        "PATH": f"{TEMPLATE}/.uv/bin:{os.environ['PATH']}",
        "PS1": PROMPT,
        "TERM": "xterm-256color",
        "UV_NO_PROGRESS": "1",
        **{k: v for k, v in os.environ.items() if k.startswith(("PIP_", "UV_", "SSL_"))},
    }

    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting"], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    started, seen = time.monotonic(), ""
    events: list[tuple[float, str, str]] = []

    def wait_for(text: str) -> None:
        nonlocal seen
        while text not in seen:
            printed = os.read(terminal, 4096).decode(errors="replace")
            events.append((round(time.monotonic() - started, 3), "o", printed))
            seen += printed
            if " Error 1" in seen:  # of make
                sys.exit(seen)
        seen = seen.split(text, 1)[1]

    def type_in(text: str, pause: float = 0.035) -> None:
        for key in text:
            os.write(terminal, key.encode())
            if key != "\n":
                wait_for(key)
            time.sleep(pause)

    wait_for(PROMPT)
    type_in(f"{command}\n")
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text())
    asked = sum(not name.startswith("_") for name in questions)
    for number in range(1, asked + 1):
        wait_for(f"[{number}/{asked}]")
        wait_for("\x1b[0m: ")
        time.sleep(0.4)
        os.write(terminal, b"\n")
    wait_for(PROMPT)
    type_in("cd metadata-bot\n")
    wait_for(PROMPT)
    type_in("make run &\n")
    wait_for("Talk to the bot")
    time.sleep(2)
    type_in(f"curl localhost:{PORT}/webhooks/rest/webhook -d '{MESSAGE}'; echo\n")
    wait_for("Hello Ada!")
    time.sleep(2)
    events.append((events[-1][0] + 2, "o", ""))
    os.write(terminal, b"\nkill %1; wait; exit\n")
    os.waitpid(process, 0)

    head = {"version": 2, "width": COLUMNS, "height": ROWS}
    output.write_text("".join(json.dumps(each) + "\n" for each in (head, *events)))


if __name__ == "__main__":
    main(*(Path(each).resolve() for each in sys.argv[1:]))
