"""Puts classes into Rasa in place of others, for its own tests."""

import sys
from types import ModuleType
from typing import Any

import rasa.core.agent  # noqa: F401, with the next one: it names what is replaced
import rasa_sdk.endpoint  # noqa: F401
from rasa.utils.tensorflow.models import RasaModel


def replace(classes: dict[type, type]) -> None:
    """Let each module of Rasa and rasa_sdk that names a class name another one."""
    names = [name for name in sys.modules if name.split(".")[0] in ("rasa", "rasa_sdk")]
    for module in map(sys.modules.__getitem__, names):
        for name, value in list(vars(module).items()):
            if isinstance(value, type) and value in classes:
                setattr(module, name, classes[value])


def in_memory(store: type) -> type:
    """Return an SQL tracker store that is called as Rasa's store in memory is."""

    class InMemory(store):
        def __init__(self, domain: Any, event_broker: Any = None, **kwargs: Any) -> None:
            super().__init__(domain=domain, event_broker=event_broker, db=":memory:", **kwargs)

    return InMemory


def train_briefly() -> None:
    """Train models for one epoch; few of the tests depend on what they learn."""
    stock = RasaModel.fit
    RasaModel.fit = lambda self, *args, **kwargs: stock(self, *args, **{**kwargs, "epochs": 1})


train_briefly()
# What the tests import, and those that run do not use.
spacy, moto = ModuleType("spacy"), ModuleType("moto")
spacy.Language, moto.mock_dynamodb = object, lambda test: test
sys.modules.update({"spacy": spacy, "moto": moto})
