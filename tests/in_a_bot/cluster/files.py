"""Reads the files of deploy/ for the tests."""

import re

import yaml

from in_a_bot.cases import PROJECT


def read_yaml(path):
    return yaml.safe_load(path.read_text())  # Rasa's own reader fills variables in


DEPLOY = PROJECT / "deploy"
MANIFESTS = [read_yaml(path) for path in sorted(DEPLOY.glob("kubernetes/*.yml"))]
SERVICES = {
    name: service
    for path in DEPLOY.glob("compose/compose.yml")
    for name, service in read_yaml(path)["services"].items()
}


def manifest(kind, name=None):
    return next(m for m in MANIFESTS if m["kind"] == kind and name_of(m) == name)


def name_of(manifest):
    return manifest.get("metadata", {}).get("name")


def container(name):
    return manifest("Deployment", name)["spec"]["template"]["spec"]["containers"][0]


def variables(text):
    """Return the names in `${NAME}`, without those in comments."""
    return set(re.findall(r"\$\{([A-Z_]+)", re.sub(r"(?m)^\s*#.*", "", text)))
