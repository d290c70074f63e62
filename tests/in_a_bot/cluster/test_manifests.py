"""Names, ports and keys in the manifests of Kubernetes match each other."""

import re

import pytest

from in_a_bot.cluster.files import DEPLOY, container, manifest, read_yaml
from in_a_bot.local_cluster import SECRETS


def test_all_are_in_the_kustomization():
    files = {path.name for path in DEPLOY.glob("kubernetes/*.yml")}
    resources = read_yaml(DEPLOY / "kubernetes/kustomization.yml")["resources"]
    assert {*resources, "kustomization.yml"} == files


@pytest.mark.parametrize("name", ["rasa", "actions"])
def test_selectors_and_ports_match(name):
    spec = manifest("Deployment", name)["spec"]
    labels = spec["template"]["metadata"]["labels"]
    service = manifest("Service", name)["spec"]
    assert spec["selector"]["matchLabels"] == service["selector"] == labels
    (port,), (exposed,) = service["ports"], container(name)["ports"]
    assert (port["port"], port["targetPort"]) == (exposed["containerPort"], exposed["name"])
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        rule = manifest(kind, name)["spec"]
        assert (rule.get("selector") or rule["podSelector"])["matchLabels"] == labels


@pytest.mark.parametrize("name", ["rasa", "actions"])
def test_what_a_pod_may_use_and_reach_is_bounded(name):
    resources = container(name)["resources"]
    assert {"memory", "ephemeral-storage"} <= set(resources["limits"])
    assert {"cpu", "memory", "ephemeral-storage"} <= set(resources["requests"])
    for volume in manifest("Deployment", name)["spec"]["template"]["spec"]["volumes"]:
        assert volume["emptyDir"]["sizeLimit"]
    policy = manifest("NetworkPolicy", name)["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert all("ports" in rule for rule in policy["egress"])


def test_readiness_is_closed_to_the_world():
    ready = manifest("Ingress", "ready")
    (allowed,) = ready["metadata"]["annotations"].items()
    assert allowed == ("nginx.ingress.kubernetes.io/whitelist-source-range", "127.0.0.1/32")
    (rule,), (other,) = ready["spec"]["rules"], manifest("Ingress", "bot")["spec"]["rules"]
    assert rule["host"] == other["host"]
    paths = {each["path"]: each["pathType"] for each in rule["http"]["paths"]}
    assert paths == {f"/webhooks/{name}/ready": "Prefix" for name in ("rest", "callback")}


@pytest.mark.parametrize("name", ["rasa", "actions"])
def test_references_name_what_exists(name):
    (config,) = manifest("Kustomization")["configMapGenerator"]
    known = {
        "configMapKeyRef": {literal.split("=")[0] for literal in config["literals"]},
        "secretKeyRef": set(SECRETS),
    }
    names = []
    for each in container(name)["env"]:
        for kind, key in (each.get("valueFrom") or {}).items():
            assert key["key"] in known[kind]
            assert key["name"] == config["name"]
        used = re.findall(r"\$\((\w+)\)", each.get("value", ""))
        assert set(used) <= set(names), "Kubernetes replaces variables of earlier entries only"
        names.append(each["name"])


def test_the_images_are_the_targets_of_the_dockerfile():
    targets = set(
        re.findall(r"(?m)^FROM \S+ AS (rasa|actions)$", (DEPLOY / "Dockerfile").read_text())
    )
    images = {image["name"] for image in manifest("Kustomization")["images"]}
    assert images == {f"bot-{target}" for target in targets}
    assert images == {container(name)["image"] for name in ("rasa", "actions")}
