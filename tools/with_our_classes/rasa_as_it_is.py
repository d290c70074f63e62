"""A plugin of pytest, for Rasa's own tests: what they import, and no test here needs."""

import sys
from types import ModuleType

spacy, moto = ModuleType("spacy"), ModuleType("moto")
spacy.Language = object  # in annotations of fixtures
moto.mock_dynamodb = lambda test: test
for module in (spacy, moto):
    sys.modules.setdefault(module.__name__, module)
