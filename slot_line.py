"""The template's Jinja extension: checks every answer.

The slot line, the answer to `metadata_slots`, is read by a module of the bot, for which
`make slot` reads it too.
"""

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import cookiecutter
from jinja2 import Environment
from jinja2.ext import Extension
from slugify import slugify

# Not imported: that would leave compiled files in the folder that cookiecutter copies.
MODULE = Path(__file__).parent.joinpath(
    *("{{cookiecutter.project_slug}}", "rasa_metadata", "contract", "slot_line.py")
)
line = ModuleType("line")
exec(compile(MODULE.read_text("utf-8"), MODULE, "exec"), vars(line))

OLDEST_COOKIECUTTER = (2, 7)

CHANNELS = ("telegram", "slack", "twilio", "facebook", "botframework")
OTHER_CHANNELS = {
    "whatsapp": "twilio",
    "sms": "twilio",
    "messenger": "facebook",
    "teams": "botframework",
    "msteams": "botframework",
}
WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
}

SLUG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")


class SlotLine(Extension):
    """The filters that cookiecutter.json, the hooks and the bot's files use."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # An update bakes two versions of this template in one process and folder, and
        # each must import its own copy of this module; within a second, Python would
        # also take what it compiled of the other for its own.
        sys.modules.pop(__name__, None)
        Path(cache_from_source(__file__)).unlink(missing_ok=True)
        _check_cookiecutter()
        environment.globals["template_version"] = template_version
        environment.filters["slots"] = slots
        environment.filters["channels"] = channels
        environment.filters["problems"] = problems
        environment.filters["checked"] = checked
        environment.filters["again"] = again
        environment.filters["one_line"] = lambda text: " ".join(text.split())
        environment.filters["tojson"] = line.tojson


def template_version() -> str:
    """Return the tag or commit of this template; outside a repository, its version."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--tags", "--always", "--dirty"]
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(here.parent)}
    try:
        run = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        (version,) = re.findall(r'^version = "(.*)"$', (here / "pyproject.toml").read_text(), re.M)
        return f"v{version}"
    return run.stdout.strip()


def slots(answer: str) -> list[Any]:
    """Return the slots that a slot line names; each mistake in it put right."""
    found: list[Any] = line.read(answer)[0]
    return found


def channels(answer: str) -> list[str]:
    """Return the messaging platforms that an answer names; each mistake in it put right."""
    return _read_channels(answer)[0]


def problems(answers: dict[str, str]) -> list[str]:
    """Return everything that is wrong with the answers, a sentence each."""
    return [
        *_slug_problems(answers["project_slug"]),
        *line.read(answers["metadata_slots"])[1],
        *_read_channels(answers["channels"])[1],
    ]


def taken(slug: str) -> list[str]:
    """Return a sentence if the folder to write is there already, and may not be.

    Only the command line knows where it is; cookiecutter itself looks after the rest.
    """
    given = _command_line()
    folder = Path(given.get("output_dir") or ".") / slug
    if not given or given["overwrite_if_exists"] or given["skip_if_file_exists"]:
        return []
    if not folder.exists():
        return []
    return [
        f"the folder '{folder}' exists already; choose another project_slug, or add "
        "--overwrite-if-exists to overwrite it."
    ]


def checked(answers: dict[str, str]) -> str:
    """Return "" for good answers.

    Raises:
        click.ClickException: with every mistake and the corrected command.
    """
    _check_output_dir()
    found = problems(answers) + taken(answers["project_slug"])
    if not found:
        return ""
    mistakes = "\n".join(f"  - {problem}" for problem in found)
    raise click.ClickException(
        f"nothing was written, because\n{mistakes}\n\nThis is correct:\n\n"
        f"  {_corrected_command(answers)}\n"
    )


def again(answer: Any) -> Any:
    """Return an answer so that cookiecutter, which renders what it reads, reads the same."""
    is_jinja = isinstance(answer, str) and re.search(r"{[{%#]", answer)
    return f"{{{{ {json.dumps(answer)} }}}}" if is_jinja else answer


def _check_output_dir() -> None:
    folder = Path(_command_line().get("output_dir") or ".").absolute()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(there, os.W_OK):
        raise click.ClickException(
            f"nothing was written, because the folder '{there}' is read-only: "
            "choose another with --output-dir."
        )


def _check_cookiecutter() -> None:
    version = tuple(int(part) for part in cookiecutter.__version__.split(".")[:2])
    if version < OLDEST_COOKIECUTTER:
        raise click.ClickException(
            f"this template needs cookiecutter {'.'.join(map(str, OLDEST_COOKIECUTTER))} "
            f"or newer and this is {cookiecutter.__version__}: "
            "run 'pip install --upgrade cookiecutter'."
        )


def _corrected_command(answers: dict[str, str]) -> str:
    """Return the command that was given, with answers put right."""
    right = dict(answers)
    right["project_slug"] = _free(_right_slug(answers["project_slug"]))
    right["metadata_slots"] = "; ".join(map(str, slots(answers["metadata_slots"])))
    right["channels"] = ", ".join(channels(answers["channels"]))
    public = {key: right[key] for key in answers if not key.startswith("_")}

    given = _command_line()
    command = ["cookiecutter", given.get("template") or "TEMPLATE"]
    command += ["--no-input"] if given.get("no_input") else []
    if given.get("output_dir", ".") != ".":
        command += ["--output-dir", given["output_dir"]]
    wanted = given.get("extra_context") or {}
    command += [
        f"{key}={value}"
        for key, value in public.items()
        if key in wanted or value != answers[key] or not given.get("no_input")
    ]
    return shlex.join(command)


def _command_line() -> dict[str, Any]:
    """Return what cookiecutter's command was given, {} when another program bakes."""
    context = click.get_current_context(silent=True)
    given = context.params if context else {}
    return given if "skip_if_file_exists" in given else {}


def _free(slug: str) -> str:
    """Return the slug, or the first one behind it whose folder is not taken."""
    candidates = (f"{slug}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([slug], candidates) if not taken(each))


def _slug_problems(slug: str) -> list[str]:
    right = _right_slug(slug)
    if slug == right:
        return []
    if not slug.strip():
        return [f"project_slug is empty; use '{right}', for example."]
    if slug.lower() in WINDOWS_DEVICES:
        return [f"project_slug '{slug}' is a device name on Windows; use '{right}'."]
    return [
        f"project_slug '{slug}' cannot name the folder: use letters, digits, hyphens "
        f"and underscores, such as '{right}'."
    ]


def _right_slug(slug: str) -> str:
    if not SLUG.fullmatch(slug):
        slug = slugify(slug) or "metadata-bot"
    return f"{slug}-bot" if slug.lower() in WINDOWS_DEVICES else slug


def _read_channels(answer: str) -> tuple[list[str], list[str]]:
    """Return the platforms of an answer, put right where needed, and what was wrong."""
    found = []
    names = [name.strip() for name in answer.split(",") if name.strip()]
    right = [OTHER_CHANNELS.get(name.lower(), name.lower()) for name in names]
    for name, meant in zip(names, right, strict=True):
        if meant not in CHANNELS:
            found.append(f"channels: there is no '{name}'; there are {', '.join(CHANNELS)}.")
        elif name != meant:
            found.append(f"channels: use '{meant}' for '{name}'.")
    return [each for each in CHANNELS if each in right], found
