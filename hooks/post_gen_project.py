"""Removes the files that the answers do not ask for, and prints the next steps."""

import shutil
from pathlib import Path

# The files of each answer; without this hook all of them are kept, and work.
DEPLOYMENT = "{{ cookiecutter.deployment }}"
CHANNELS = "{{ cookiecutter.channels | channels | join(', ') }}"
PLATFORMS = ("telegram", "slack", "twilio", "facebook", "botframework")
BROUGHT = [
    (
        "{{ cookiecutter.web_chat }}" == "True",
        ["chat", "rasa_metadata/channels/chat_page.py", "rasa_metadata/chat"],
    ),
    *((name in CHANNELS, [f"rasa_metadata/channels/{name}.py"]) for name in PLATFORMS),
    (
        CHANNELS != "",
        [f"rasa_metadata/channels/{name}" for name in ("README.md", "incoming.py", "platform.py")],
    ),
    (DEPLOYMENT != "local", ["deploy", "rasa_metadata/stores/redis_locks.py"]),
    (DEPLOYMENT == "compose", ["deploy/compose", "deploy/nginx"]),
    (DEPLOYMENT == "kubernetes", ["deploy/kubernetes"]),
    ("{{ cookiecutter.ci }}" == "github", [".github"]),
    ("{{ cookiecutter.ci }}" == "gitlab", [".gitlab-ci.yml"]),
]

for wanted, paths in BROUGHT:
    for path in map(Path, paths):
        if wanted or not path.exists():
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

print(
    """
Your bot is in {{ cookiecutter.project_slug }}/. Next:

  cd {{ cookiecutter.project_slug }} && git init
  make run     # installs, trains and starts the bot
  make test    # tests its slots and its talks

The first `make run` downloads uv, Python 3.10 and Rasa into this folder (2.7 GB on disk).
"""
)
