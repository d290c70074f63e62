"""Runs a bot's whole cluster on this machine: PostgreSQL, Redis, nginx, Rasa and action servers.

`make cluster` runs it, with the bot's Python in the bot's folder. It uses the same endpoints, nginx
template and variables as compose and Kubernetes; everything listens on loopback only.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from in_a_bot.programs import (
    how_to_install,
    make_database,
    missing,
    nginx_config,
    own_data,
    private,
    program,
    upstream,
)
from rasa_metadata.testing.processes import RASA, Process, free_port, listens

SECRETS = ("METADATA_JWT_KEY", "METADATA_SIGNATURE_KEY", "DB_PASSWORD", "REDIS_PASSWORD")
STOPPING_SECONDS = "35"  # longer than an action may take, so that a turn in flight finishes


class Cluster:
    """`rasa` Rasa servers and `actions` action servers, with what they need.

    Args:
        project: the bot's folder.
        state: a new folder for data and logs.
        model: the model that the Rasa servers load.
        keys: a value for each of `SECRETS`.
        port: of nginx; 0 takes a free one.
        requests_per_second: the limit of nginx for one client.
    """

    def __init__(
        self,
        project: Path,
        state: Path,
        model: Path,
        keys: Mapping[str, str],
        rasa: int = 2,
        actions: int = 2,
        port: int = 0,
        requests_per_second: int = 20,
    ) -> None:
        self.project, self.state, self.model = project, state, model
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.actions_port = free_port()
        self.rasa_urls = [f"http://127.0.0.1:{free_port()}" for _ in range(rasa)]
        self.action_urls = [f"http://127.0.0.1:{free_port()}" for _ in range(actions)]
        self.requests_per_second = requests_per_second
        self.postgres_port, self.redis_port = free_port(), free_port()
        database = f"postgres:{keys['DB_PASSWORD']}@127.0.0.1:{self.postgres_port}/postgres"
        self.env = {
            "DB_URL": f"postgresql://{database}?connect_timeout=3",
            "REDIS_URL": f"redis://:{keys['REDIS_PASSWORD']}@127.0.0.1:{self.redis_port}/0",
            "ACTION_SERVER_URL": f"http://127.0.0.1:{self.actions_port}/webhook",
            "METADATA_JWT_KEY": keys["METADATA_JWT_KEY"],
            "METADATA_SIGNATURE_KEY": keys["METADATA_SIGNATURE_KEY"],
            "SANIC_GRACEFUL_SHUTDOWN_TIMEOUT": STOPPING_SECONDS,
            "SANIC_HOST": "127.0.0.1",
        }
        self.keys = keys
        self.data = state / "postgres"
        self.rasa: list[Process] = []
        self.actions: list[Process] = []
        self.others: list[Process] = []

    def __enter__(self) -> "Cluster":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all of it, and wait until each Rasa server is ready.

        Raises:
            RuntimeError: if a program does not start, with what it printed.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        self.redis = self._redis()
        self.postgres = self._postgres()
        self.nginx = self._nginx()
        self.actions += [self._action_server(url) for url in self.action_urls]
        self.rasa += [self.rasa_server(url) for url in self.rasa_urls]
        self.wait()

    def wait(self) -> None:
        """Wait until all servers answer, and the Rasa servers are ready for a turn."""
        for url, server in zip(self.action_urls, self.actions, strict=True):
            server.wait_until_it_answers(f"{url}/health")
        for url, server in zip(self.rasa_urls, self.rasa, strict=True):
            server.wait_until_it_answers(f"{url}/webhooks/rest/ready")

    def stop(self) -> None:
        """Stop all of it, clients before the servers that they use, and remove the data."""
        for servers in (self.rasa, self.actions, self.others[2:], self.others[:2]):
            with ThreadPoolExecutor() as pool:
                list(pool.map(stop, servers))
        shutil.rmtree(self.data, ignore_errors=True)

    def _process(self, name: str, command: list[str], **env: str) -> Process:
        return Process(self.project, name, command, logs=self.state, **env)

    def _other(self, name: str, command: list[str]) -> Process:
        server = self._process(name, command)
        self.others.append(server)  # before it is ready, so that it is always stopped
        return server

    def rasa_server(self, url: str, **env: str) -> Process:
        """Start one more Rasa server; `env` overrides variables of the others."""
        port = url.rsplit(":", 1)[1]
        command = [*RASA, "run", "--enable-api", "--interface", "127.0.0.1", "--port", port]
        command += ["--endpoints", "deploy/endpoints.yml", "--model", str(self.model)]
        return self._process(f"rasa-{port}", command, **{**self.env, **env})

    def _action_server(self, url: str) -> Process:
        port = url.rsplit(":", 1)[1]
        command = [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "--port", port]
        return self._process(f"actions-{port}", command, **self.env)

    def _redis(self) -> Process:
        config = private(self.state / "redis.conf")
        config.write_text(
            f'bind 127.0.0.1\nport {self.redis_port}\ndir "{self.state}"\n'
            f'requirepass {self.keys["REDIS_PASSWORD"]}\nsave ""\n'
        )
        server = self._other("redis", [program("redis-server"), str(config)])
        server.wait_until(lambda: listens(self.redis_port))
        return server

    def _postgres(self) -> Process:
        as_user, self.data = own_data(self.data)
        bin_folder = Path(program("postgres")).resolve().parent
        initdb = [*as_user, f"{bin_folder}/initdb", "-D", str(self.data), "-U", "postgres"]
        make_database(initdb, self.keys["DB_PASSWORD"])
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        command = [*as_user, f"{bin_folder}/postgres", "-D", str(self.data)]
        command += ["-p", str(self.postgres_port)]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        server = self._other("postgres", command)
        asks = [f"{bin_folder}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.postgres_port)]
        server.wait_until(lambda: subprocess.run(asks).returncode == 0)
        return server

    def _nginx(self) -> Process:
        config = private(self.state / "nginx.conf")
        config.write_text(nginx_config(self.project, self.state, self.nginx_values()))
        command = [program("nginx"), "-p", str(self.state), "-e", "stderr", "-c", str(config)]
        server = self._other("nginx", command)
        server.wait_until(lambda: listens(self.port))
        return server

    def nginx_values(self) -> dict[str, str]:
        """Return the variables of the nginx templates."""
        return {
            "RASA_SERVERS": upstream(self.rasa_urls),
            "ACTION_SERVERS": upstream(self.action_urls),
            "PORT": f"127.0.0.1:{self.port}",
            "ACTIONS_PORT": f"127.0.0.1:{self.actions_port}",
            "REQUESTS_PER_SECOND": str(self.requests_per_second),
            "REQUEST_BURST": str(2 * self.requests_per_second),
            "CONNECTIONS": str(2 * self.requests_per_second),
        }


def stop(server: Process) -> None:
    fast = {"postgres": signal.SIGINT, "nginx": signal.SIGQUIT}  # do not wait for the last client
    server.stop(fast.get(server.name, signal.SIGTERM))


def number(name: str, default: int) -> int:
    return int(os.environ.get(name) or default)


def main() -> int:
    """Run a cluster until Ctrl-C, and restart servers that end."""
    names = missing()
    if names:
        print(f"Not installed: {', '.join(names)}. {how_to_install()}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        cluster = Cluster(
            project=Path.cwd(),
            state=Path(folder),
            model=Path("models/bot.tar.gz").resolve(),
            keys={name: os.environ.get(name) or secrets.token_hex(32) for name in SECRETS},
            rasa=number("SERVERS", 2),
            actions=number("ACTIONS", 2),
            port=number("PORT", 5005),
        )
        try:
            run(cluster)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            pass
        finally:
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, signal.SIG_IGN)
            print("Stopping ...", flush=True)
            cluster.stop()
    return 0


def run(cluster: Cluster) -> None:
    print("Starting PostgreSQL, Redis, nginx, action and Rasa servers ...", flush=True)
    cluster.start()
    stopped = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stopped.set())  # not during a restart
    print(invitation(cluster), flush=True)
    while not stopped.wait(1):
        keep_up(cluster)


def keep_up(cluster: Cluster) -> None:
    for server in (*cluster.others, *cluster.actions, *cluster.rasa):
        if server.process.poll() is not None:
            print(f"{server.name} ended; starting it again.", flush=True)
            server.start()


def invitation(cluster: Cluster) -> str:
    """Return the list of processes, and a curl to paste."""
    servers = "\n".join(
        f"  {server.name}: process {server.process.pid}, {server.log}"
        for server in (*cluster.others, *cluster.actions, *cluster.rasa)
    )
    curls = re.findall(r"^ *curl \S+ (.*)$", cluster.rasa[0].printed(), re.MULTILINE)
    url = f"{cluster.url}/webhooks/rest/webhook"
    return (
        f"{servers}\n\nThe cluster is ready; Ctrl-C stops it. Talk to it, for example\n\n"
        f"  curl {url} -H 'Idempotency-Key: '$RANDOM {curls[-1]}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
