"""Takes away what was not asked for, and says what to do next."""

import shutil
from pathlib import Path

# What each answer brings; without this hook all of it stays, and works.
DEPLOYMENT = "{{ cookiecutter.deployment }}"
BROUGHT = [
    (
        "{{ cookiecutter.web_chat }}" == "True",
        ["chat", "rasa_metadata/channels/chat_page.py", "rasa_metadata/chat"],
    ),
    (DEPLOYMENT != "local", ["deploy", "rasa_metadata/stores/redis_locks.py"]),
    (DEPLOYMENT == "compose", ["deploy/compose"]),
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
  make run     # installs and trains what is missing, then starts the bot
  make test    # proves that metadata is in its slots
"""
)
