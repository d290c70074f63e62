"""The owner's texts, complete or not, broken or not: the page always has all of them."""

import json

import pytest

from rasa_metadata import chat

ENGLISH = json.loads((chat.FOLDER / "texts.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "content, changed",
    [
        ("{}", {}),
        ('{"send": "Senden"}', {"send": "Senden"}),
        ('{"send": "Senden", "unknown": "x", "retry": 1}', {"send": "Senden"}),
        ('{"send": "Senden",', {}),
        ("[]", {}),
        ("[1]", {}),
        ("null", {}),
        (None, {}),
    ],
)
def test_yours_take_the_place_of_the_english_ones(tmp_path, monkeypatch, content, changed):
    monkeypatch.setattr(chat, "YOURS", tmp_path)
    if content is not None:
        (tmp_path / "texts.json").write_text(content)
    assert chat.texts() == {**ENGLISH, **changed}
