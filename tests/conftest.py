"""Bakes bots from the template in this repository."""

from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def own_cookiecutter_home(tmp_path_factory):
    """Keep the tests out of the user's ~/.cookiecutters and replay folder."""
    home = tmp_path_factory.mktemp("cookiecutter")
    config = home / "config.yml"
    config.write_text(f"cookiecutters_dir: {home / 'templates'}\nreplay_dir: {home / 'replay'}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COOKIECUTTER_CONFIG", str(config))
        yield


@pytest.fixture(scope="session")
def bake(tmp_path_factory):
    """Return a function that bakes a bot with some answers and returns its folder."""

    def bake_into_new_folder(**answers: str) -> Path:
        folder = tmp_path_factory.mktemp("bake")
        return Path(
            cookiecutter(
                str(TEMPLATE), no_input=True, extra_context=answers, output_dir=str(folder)
            )
        )

    return bake_into_new_folder
