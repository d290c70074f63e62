"""The files of a bot, read once, with line numbers."""

import functools
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import YAMLError

from rasa_metadata.contract import Contract, contract_of

SECTIONS = ("slots", "responses", "forms", "session_config")
LISTS = ("actions", "intents", "entities")


@dataclass(frozen=True)
class Finding:
    """A mistake at a line of a file, or a hint, which does not fail the check."""

    path: str
    line: int | None
    text: str
    hint: bool = False

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {'hint: ' if self.hint else ''}{self.text}"


class NotYaml(Exception):
    """A file is not YAML; `finding` has the place."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def read_yaml(path: Path, name: str, constructor: type = RoundTripConstructor) -> Any:
    """Return a file's content, None for an empty one; errors call the file `name`.

    Raises:
        NotYaml: with the line.
    """
    yaml = YAML()
    yaml.Constructor = constructor
    try:
        return yaml.load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = str(getattr(error, "problem", None) or error).strip()
        problem = problem.split(" with value ")[0]  # of a key twice: Python's view of it
        line = mark.line + 1 if mark else None
        raise NotYaml(Finding(name, line, f"this is not YAML: {problem}.")) from None


class Project:
    """A bot's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        folder = root / "domain"
        self.domain_name = "domain/" if folder.is_dir() else "domain.yml"
        self.domain_files = (
            sorted(folder.rglob("*.y*ml")) if folder.is_dir() else [folder.with_suffix(".yml")]
        )

    @classmethod
    def here(cls) -> "Project":
        return cls(Path.cwd())

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    @functools.cache  # noqa: B019 (a command ends with its project)
    def yaml(self, path: Path) -> Any:
        """Return a file's content, {} for an empty or missing one.

        Raises:
            NotYaml: with the line.
        """
        return (read_yaml(path, self.name(path)) if path.exists() else None) or {}

    @property
    def endpoints(self) -> Any:
        return self.yaml(self.root / "endpoints.yml")

    @property
    def credentials(self) -> Any:
        return self.yaml(self.root / "credentials.yml")

    @property
    def actions_module(self) -> str:
        """The name of the package with your actions."""
        return str((self.endpoints.get("action_endpoint") or {}).get("actions_module", "actions"))

    def data(self) -> Iterator[tuple[str, Any]]:
        """Yield (name, content) of each file in data/."""
        for path in sorted((self.root / "data").rglob("*.y*ml")):
            yield self.name(path), self.yaml(path)

    @functools.cached_property
    def domain(self) -> dict[str, Any]:
        """The domain, from one file or from all of a folder."""
        found: dict[str, Any] = {**{name: {} for name in SECTIONS}, **{name: [] for name in LISTS}}
        for path in self.domain_files:
            content = self.yaml(path)
            for name in SECTIONS:
                found[name].update(content.get(name) or {})
            for name in LISTS:
                found[name] += content.get(name) or []
        return found

    def contract(self) -> Contract:
        return contract_of(plain(self.domain), source=self.domain_name)

    def latest_model(self) -> Path | None:
        models = list((self.root / "models").glob("*.tar.gz"))
        return max(models, key=lambda path: path.stat().st_mtime, default=None)

    def place(self, section: str, key: str) -> tuple[str, int | None]:
        """Return (file, line) of a slot, a response or the like in the domain."""
        for path in self.domain_files:
            entries = self.yaml(path).get(section) or {}
            if key in entries:
                return self.name(path), line_of(entries, key)
        return self.domain_name, None


def domain_of(model: Path) -> dict[str, Any]:
    """Return the domain that a model was trained with."""
    with tarfile.open(model) as archive:
        content = archive.extractfile("metadata.json")
        return dict(json.load(content)["domain"]) if content else {}


def plain(value: Any) -> Any:
    """Return what ruamel.yaml has read as dicts, lists and Python's own scalars."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    for kind in (str, float, int):
        if isinstance(value, kind) and not isinstance(value, bool):
            return kind(value)
    return value


def line_of(node: Any, key: Any = None) -> int | None:
    """Return the line, from 1, of a mapping or a list, or of an entry in it."""
    position = getattr(node, "lc", None)
    if position is None or position.line is None:
        return None
    entries = position.data or {}
    return int(entries[key][0] if key in entries else position.line) + 1
