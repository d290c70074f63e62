"""The questions that offer a choice, and which files each answer brings.

`make file-list` runs it: it writes tests/files.yml anew, for you to read what changed.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from slot_line import CHANNELS
from tools.demo import TEMPLATE, bake

FILES = TEMPLATE / "tests" / "files.yml"
HEAD = """\
# The files of a baked project, exactly: those of each, and those that an answer brings.
# After a change that is meant, `make file-list` writes this anew.
"""
ALWAYS = "always"


def choices() -> dict[str, list[str]]:
    """Return {question: its answers} for each question of cookiecutter.json with a choice.

    Of the messaging platforms, one answer is all of them, and the other none.
    """
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text())
    answers = {name: ["yes", "no"] if each is True else each for name, each in questions.items()}
    answers["channels"] = ["", ", ".join(CHANNELS)]
    public = {name: each for name, each in answers.items() if not name.startswith("_")}
    return {name: each for name, each in public.items() if isinstance(each, list)}


def covering() -> Iterator[dict[str, str]]:
    """Yield few sets of answers, in which each two answers to two questions meet."""
    questions = choices()
    sets = [
        dict(zip(questions, each, strict=True)) for each in itertools.product(*questions.values())
    ]
    missing = set(itertools.chain.from_iterable(map(pairs, sets)))
    while missing:
        best = max(sets, key=lambda answers: len(pairs(answers) & missing))
        missing -= pairs(best)
        yield best


def pairs(answers: dict[str, str]) -> set[tuple[tuple[str, str], ...]]:
    """Return each two of these answers, as ((question, answer), (question, answer))."""
    return set(itertools.combinations(answers.items(), 2))


def files(bot: Path) -> set[str]:
    """Return the names of a bot's files, folders with `/` between them."""
    return {path.relative_to(bot).as_posix() for path in bot.rglob("*") if path.is_file()}


def brought(bots: list[tuple[dict[str, str], set[str]]]) -> dict[str, list[str]]:
    """Return {answer: the files it brings} of bots, each given as (answers, files)."""
    always = set.intersection(*(found for _, found in bots))
    lists = {ALWAYS: sorted(always)}
    for question, answers in choices().items():
        for answer in answers:
            with_it = [found for given, found in bots if given[question] == answer]
            lists[f"{question}={answer}"] = sorted(set.intersection(*with_it) - always)
    return lists


def main() -> None:
    with TemporaryDirectory() as folder:
        bots = [
            (answers, files(bake(Path(folder) / str(number), **answers)))
            for number, answers in enumerate(covering())
        ]
    FILES.write_text(HEAD + "".join(map(_as_yaml, *zip(*brought(bots).items(), strict=True))))


def _as_yaml(answer: str, names: list[str]) -> str:
    lines = [f"{answer}:", *(f"  - {name}" for name in names)]
    return "\n".join(lines if names else [f"{answer}: []"]) + "\n"


if __name__ == "__main__":
    main()
