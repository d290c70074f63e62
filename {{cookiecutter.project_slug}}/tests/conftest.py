"""Says at once what is wrong with the slots, and keeps the count of tests honest."""

import importlib

import pytest

from contract import ContractError


def pytest_configure():
    try:
        importlib.import_module("tests.cases")
    except ContractError as error:
        raise pytest.UsageError(f"The metadata slots cannot be read yet:\n{error}") from None


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if "[NOTSET" not in item.name and "-NOTSET" not in item.name]
