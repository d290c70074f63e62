"""Finds PostgreSQL, Redis and nginx on this machine, and configures them for a local cluster."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

PROGRAMS = {"postgres": "postgresql", "redis-server": "redis-server", "nginx": "nginx"}
POSTGRES_USER = "postgres"  # PostgreSQL refuses to run as root; its package makes this one
NGINX = Path("deploy/nginx")  # in a bot
ACTIONS = Path(__file__).with_name("actions.conf.template")


def program(name: str) -> str:
    """Return the path of a program; Debian keeps PostgreSQL's servers out of PATH.

    Raises:
        RuntimeError: if it is not installed, with the command that installs it.
    """
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4])
    )
    found = versions[-1] if versions else shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        raise RuntimeError(f"'{name}' is not installed. {how_to_install()}")
    return str(found)


def missing() -> list[str]:
    """Return the programs that are not installed."""
    names = []
    for name in PROGRAMS:
        try:
            program(name)
        except RuntimeError:
            names.append(name)
    return names


def how_to_install() -> str:
    return f"Run 'sudo apt-get install {' '.join(PROGRAMS.values())}'."


def own_data(folder: Path) -> tuple[list[str], Path]:
    """Return (prefix of its commands, folder of its data) for PostgreSQL.

    For root, the prefix changes to another user, who cannot read root's folders: the data
    is in a temporary folder then.
    """
    if os.geteuid() != 0:
        return [], folder
    user = pwd.getpwnam(POSTGRES_USER)
    data = Path(tempfile.mkdtemp(prefix="cluster-postgres-", dir="/var/tmp"))
    os.chown(data, user.pw_uid, user.pw_gid)
    change = ["setpriv", f"--reuid={POSTGRES_USER}", f"--regid={POSTGRES_USER}", "--init-groups"]
    return change, data


def make_database(initdb: list[str], password: str) -> None:
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(password)
        file.flush()
        if os.geteuid() == 0:
            shutil.chown(file.name, POSTGRES_USER)
        initdb = [*initdb, "--auth", "scram-sha-256", "--pwfile", file.name, "--encoding", "UTF8"]
        made = subprocess.run(initdb, cwd="/", text=True, capture_output=True)
    if made.returncode != 0:
        raise RuntimeError(made.stderr)


def private(path: Path) -> Path:
    """Return a file that only its owner may read."""
    path.touch(mode=0o600)
    return path


def upstream(urls: list[str]) -> str:
    """Return nginx's lines for these servers.

    A server that failed is tried again at once: otherwise two that are restarted in turn
    are both taken for dead, and clients get 502.
    """
    return " ".join(f"server {url.removeprefix('http://')} max_fails=0;" for url in urls)


def filled_in(template: str, values: Mapping[str, str]) -> str:
    """Replace each ${VARIABLE}, as nginx's own container image does."""
    return re.sub(r"\$\{([A-Z_]+)\}", lambda match: values[match[1]], template)


def nginx_config(project: Path, state: Path, values: Mapping[str, str]) -> str:
    """Return a bot's nginx.conf, with the templates filled in and all files in `state`."""
    templates = [ACTIONS, *sorted((project / NGINX).glob("*.template"))]
    servers = "".join(filled_in(template.read_text(), values) for template in templates)
    user = "user root;" if os.geteuid() == 0 else ""  # it can read this folder
    config = (project / NGINX / "nginx.conf").read_text().replace("/tmp/", f"{state}/nginx-")
    return f"{user}\ndaemon off;\n{config.replace('include /etc/nginx/conf.d/*.conf;', servers)}"
