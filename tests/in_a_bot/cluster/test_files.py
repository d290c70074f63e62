"""The files of deploy/ agree with each other, and with the bot."""

import ast
import importlib
import re
import sys

import pytest

from in_a_bot.cases import PROJECT
from in_a_bot.cluster.files import (
    DEPLOY,
    MANIFESTS,
    SERVICES,
    container,
    manifest,
    read_yaml,
    variables,
)
from in_a_bot.local_cluster import SECRETS, Cluster
from in_a_bot.programs import NGINX

CLUSTER = Cluster(PROJECT, PROJECT, PROJECT, dict.fromkeys(SECRETS, "x"))
BODY_BYTES = 65536


def environments():
    """Yield (where, the variables of a Rasa server there, those of an action server)."""
    yield "local", set(CLUSTER.env), set(CLUSTER.env)
    if SERVICES:
        rasa, actions = (set(SERVICES[name]["environment"]) for name in ("rasa", "actions"))
        yield "compose", rasa, actions
    if MANIFESTS:
        rasa, actions = (
            {each["name"] for each in container(name)["env"]} for name in ("rasa", "actions")
        )
        yield "kubernetes", rasa, actions


@pytest.mark.parametrize("where, rasa, actions", environments())
def test_servers_have_the_variables_they_ask_for(where, rasa, actions):
    asked = variables((DEPLOY / "endpoints.yml").read_text())
    assert asked | {"METADATA_JWT_KEY", "METADATA_SIGNATURE_KEY"} <= rasa
    assert "METADATA_SIGNATURE_KEY" in actions


def test_each_store_that_endpoints_yml_names_can_be_imported():
    """Rasa would only warn, and keep conversations in memory."""
    endpoints = re.findall(r"(?m)^  type: (\S+)\.(\w+)$", (DEPLOY / "endpoints.yml").read_text())
    assert len(endpoints) == 2
    for module, name in endpoints:
        assert hasattr(importlib.import_module(module), name)


def test_nginx_accepts_bodies_as_large_as_the_channel_does():
    if SERVICES:
        template = (PROJECT / NGINX / "bot.conf.template").read_text()
        assert f"client_max_body_size {BODY_BYTES};" in template
    assert f"max_body_bytes: {BODY_BYTES}" in (PROJECT / "credentials.yml").read_text()
    if MANIFESTS:
        annotations = manifest("Ingress", "bot")["metadata"]["annotations"]
        assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == str(BODY_BYTES)


def test_secrets_are_those_that_the_make_target_writes():
    written = re.findall(r"([A-Z_]+)=%s", "".join((DEPLOY / "deploy.mk").read_text()))
    written += re.findall(r"([A-Z_]+)=%s", (PROJECT / "Makefile").read_text())
    assert set(written) == set(SECRETS)
    if SERVICES:
        assert variables((DEPLOY / "compose/compose.yml").read_text()) == {*SECRETS, "PORT"}


def test_each_service_has_limits_networks_and_no_secret_on_a_command_line():
    for name, service in SERVICES.items():
        assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
        assert service["pids_limit"]
        assert "no-new-privileges:true" in service["security_opt"]
        commands = f"{service.get('command')} {service.get('healthcheck')}"
        assert not variables(commands) & set(SECRETS)
        assert ("world" in service["networks"]) == ("ports" in service) == (name == "nginx")
        assert ("data" in service["networks"]) == (name in ("rasa", "postgres", "redis"))


def test_only_servers_that_need_it_reach_the_world():
    for path in DEPLOY.glob("compose/compose.yml"):
        networks = read_yaml(path)["networks"]
        closed = {name for name, each in networks.items() if each and each["internal"]}
        assert closed == {"bot", "data"}
        reach = {name for name, each in SERVICES.items() if set(each["networks"]) - closed}
        assert reach == {"nginx", "actions"}


def test_no_file_contains_a_secret():
    assert ".env" in (PROJECT / ".gitignore").read_text().split()
    assert "Secret" not in {manifest["kind"] for manifest in MANIFESTS}


def test_uv_is_the_same_everywhere():
    pins = [
        re.findall(r"uv==(\S+)", path.read_text())
        for path in (PROJECT / "Makefile", DEPLOY / "Dockerfile")
    ]
    assert pins[0] == pins[1]


def pins(path):
    return dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", path.read_text()))


def test_both_images_have_the_same_versions():
    everything = pins(PROJECT / "requirements.txt")
    for name, version in pins(DEPLOY / "requirements-actions.txt").items():
        assert everything[name] == version, "run 'make lock-actions'"


def test_the_image_of_the_actions_has_what_they_import():
    """Run 'make lock-actions' after adding to deploy/requirements-actions.in."""
    written = [
        path
        for folder in ("actions", "rasa_metadata/contract", "rasa_metadata/slots")
        for path in PROJECT.glob(f"{folder}/**/*.py")
    ]
    nodes = [node for path in written for node in ast.walk(ast.parse(path.read_text()))]
    names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    roots = {name.split(".")[0].replace("_", "-") for name in names}
    ours = {"actions", "rasa-metadata", *sys.stdlib_module_names}
    assert roots - ours <= set(pins(DEPLOY / "requirements-actions.txt"))


def test_images_contain_existing_files_and_no_keys():
    allowed = re.findall(r"(?m)^!(\S+)", (DEPLOY / "Dockerfile.dockerignore").read_text())
    made_or_optional = {"models/bot.tar.gz", "chat"}
    assert all((PROJECT / name).exists() for name in set(allowed) - made_or_optional)
    assert not any(".env" in name for name in allowed)
