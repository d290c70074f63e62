"""Keeps the count honest: a bot without signed slots has no tests of them to skip."""


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if "[NOTSET" not in item.name and "-NOTSET" not in item.name]
