"""Each way to deploy a bot brings its own files, which linters and schemas accept."""

import json
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

from tests.conftest import BIN, check_schema
from tests.test_recipes import RECIPES, follow
from tools.choices import files

KUBERNETES = "1.33"


@pytest.fixture(scope="module")
def bots(bake):
    return {name: bake(deployment=name) for name in ("local", "compose", "kubernetes")}


def linted(*command, cwd):
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_one_process_needs_no_file_of_a_deployment(bots):
    assert not any(name.startswith("deploy/") for name in files(bots["local"]))
    for path in bots["local"].rglob("*"):
        if path.is_file() and path.suffix in (".md", ".yml", ".toml", ""):
            assert "deploy/" not in path.read_text(), path


def test_each_deployment_has_its_files_and_no_others(bots):
    compose, kubernetes = files(bots["compose"]), files(bots["kubernetes"])
    assert files(bots["local"]) < compose
    nginx = {f"deploy/nginx/{name}" for name in ("bot.conf.template", "nginx.conf")}
    assert compose - kubernetes == {"deploy/compose/compose.yml", *nginx}
    assert all(name.startswith("deploy/kubernetes/") for name in kubernetes - compose)


def test_each_can_still_run_alone(bots):
    for name in ("endpoints.yml", "credentials.yml", "domain.yml", "Makefile"):
        assert len({(bot / name).read_text() for bot in bots.values()}) == 1


def test_hadolint_accepts_the_dockerfile(bots):
    linted(BIN / "hadolint", "deploy/Dockerfile", cwd=bots["compose"])


def test_the_compose_file_matches_the_compose_specification(bots):
    check_schema("compose-spec", bots["compose"] / "deploy/compose/compose.yml")


def test_dclint_accepts_the_compose_file(bots, linters, tmp_path):
    program = linters / "node_modules/.bin/dclint"
    command = [program, "--max-warnings", "0", "--config", linters / "dclint.json"]
    compose = bots["compose"] / "deploy/compose/compose.yml"
    linted(*command, compose, cwd=tmp_path)
    wrong = tmp_path / "compose.yml"
    wrong.write_text(compose.read_text().replace("services:", "version: '3'\n\nservices:"))
    run = subprocess.run([*command, wrong], capture_output=True, text=True)
    assert (run.returncode, run.stdout.count("no-version-field")) == (1, 1)


def test_the_linters_accept_the_recipe_for_keycloak(linters, tmp_path):
    follow(RECIPES["Use the tokens of Keycloak"], tmp_path)
    compose = tmp_path / "keycloak/compose.yml"
    check_schema("compose-spec", compose)
    program = linters / "node_modules/.bin/dclint"
    command = [program, "--max-warnings", "0", "--config", linters / "dclint.json"]
    linted(*command, compose, cwd=tmp_path)
    realm = json.loads((tmp_path / "keycloak/realm.json").read_text())
    credentials = yaml.safe_load((tmp_path / "credentials.yml").read_text())
    (settings,) = credentials.values()
    assert settings["jwt_issuer"].endswith(f"/realms/{realm['realm']}")


def test_manifests_match_the_kubernetes_api(bots):
    manifests = sorted((bots["kubernetes"] / "deploy/kubernetes").glob("*-*.yml"))
    assert len(manifests) == 10
    for path in [*manifests, bots["kubernetes"] / "deploy/kubernetes/ingress.yml"]:
        kubernetes_validate.validate(yaml.safe_load(path.read_text()), KUBERNETES, strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kustomize_renders_the_manifests(bots):
    command = ["kubectl", "kustomize", "deploy/kubernetes"]
    run = subprocess.run(command, cwd=bots["kubernetes"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    rendered = list(yaml.safe_load_all(run.stdout))
    for manifest in rendered:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    (config,) = (each["metadata"]["name"] for each in rendered if each["kind"] == "ConfigMap")
    rasa = json.dumps(next(m for m in rendered if m["kind"] == "Deployment" and "rasa" in str(m)))
    assert config.startswith("bot-")
    assert f'"configMapKeyRef": {{"key": "DB_HOST", "name": "{config}"}}' in rasa
