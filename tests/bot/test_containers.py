"""The image and compose.yaml, as far as they can be tried without a container engine: `make containers` lints them besides."""

import contextlib
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
import yaml

from bot.settings import Settings
from bot.stopping import STOP_SECONDS
from tests.bench.tools import free_port
from tests.conftest import IN_CI

ROOT = Path(__file__).parents[2]
DOCKERFILE = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
BALANCING = (ROOT / "balancer.cfg").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
BOT, DATABASE, BALANCER = (COMPOSE["services"][name] for name in ("bot-a", "database", "balancer"))


def steps(kind: str) -> list[str]:
    """What the Dockerfile says after that word, in order."""
    return [line.split(maxsplit=1)[1] for line in DOCKERFILE.splitlines() if line.startswith(f"{kind} ")]


def copied() -> list[str]:
    """What goes from the repository into the image."""
    return [source for step in steps("COPY") if "--from" not in step for source in step.split()[:-1]]


def environment() -> dict[str, str]:
    """The variables of the image itself."""
    return dict(pair.split("=", 1) for pair in steps("ENV")[-1].split())


def health_check() -> list[str]:
    command: list[str] = json.loads(steps("HEALTHCHECK")[0].partition("CMD ")[2])
    return [sys.executable, *command[1:]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built from what the image is built from and from nothing else."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("made")
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(made)]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=50)
    with zipfile.ZipFile(next(made.glob("*.whl"))) as wheel:
        wheel.extractall(made / "installed")
    return made / "installed"


@contextmanager
def serving(installed: Path, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The program as the image starts it, with one school and a Teams that nobody ever reaches."""
    schools = folder / "schools"
    schools.mkdir()
    shutil.copy(ROOT / "docs" / "example-school.yaml", schools / "example.yaml")
    app_id = "11111111-2222-4333-8444-555555555555"
    given = {"MICROSOFT_APP_ID": app_id, "MICROSOFT_APP_PASSWORD": "secret", "MICROSOFT_APP_TENANT_ID": app_id}
    own = environment() | {"PATH": os.environ["PATH"], "PORT": str(port), "ESAFETY_SCHOOLS": str(schools)}
    program = [sys.executable, "-m", "bot", *json.loads(steps("CMD")[0])[1:]]
    process = subprocess.Popen(program, cwd=folder, env=own | given | {"PYTHONPATH": str(installed)})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_the_image_has_every_package_the_program_is_made_of() -> None:
    """What a wheel is made from is copied, and what is copied is there and is let through to the builder."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {*packages, "pyproject.toml", "README.md", "LICENSE"} == set(copied())
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied())
    assert all((ROOT / name).exists() for name in copied())


@pytest.mark.parametrize(
    "secret", [".env", "bot/.env", "data/esafety.db", "bot/demo/esafety.db-wal", "schools/our.yaml", ".git"]
)
def test_no_secret_and_no_school_goes_to_the_builder(secret: str) -> None:
    """What the rules for the builder keep out stays out, wherever it lies: the last rule that fits decides."""
    out = False
    for rule in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = rule.removeprefix("!")
        if not rule or rule.startswith("#"):
            continue
        anywhere = pattern.removeprefix("**/")
        fits = fnmatch.fnmatch(secret, pattern) or secret.startswith(f"{pattern}/")
        if fits or (anywhere != pattern and fnmatch.fnmatch(Path(secret).name, anywhere)):
            out = not rule.startswith("!")
    assert out


def test_the_image_does_not_run_as_root_and_holds_no_secret() -> None:
    """A number, so that whoever runs it can see that; and what the image sets is no token."""
    assert steps("USER") == ["10001:10001"]
    assert not [name for name in environment() if re.search("TOKEN|SECRET|PASSWORD|DATABASE", name)]
    assert environment()["ESAFETY_CONSOLE"] == "off"


def test_the_images_program_serves(installed: Path, tmp_path: Path) -> None:
    """Built from the image's files, started with its variables from another folder: ready, and its own check says so."""
    port = free_port()
    check = health_check()
    asked = {"PORT": str(port)}
    with serving(installed, tmp_path, port) as process:
        for _ in range(200):
            assert process.poll() is None, "it stopped by itself"
            try:
                with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                    assert answer.status == 200
                break
            except URLError:
                time.sleep(0.1)
        assert subprocess.run(check, env=asked, check=False, timeout=20).returncode == 0
    assert process.returncode == 0
    assert (tmp_path / "data" / "esafety.db").is_file(), "the database stands in the volume"
    assert subprocess.run(check, env=asked, check=False, timeout=20, stderr=subprocess.DEVNULL).returncode != 0


def test_the_database_is_in_the_volume() -> None:
    """Where the program keeps its file by default is what outlives the container; so do pages that are taken out."""
    folder = Path(steps("WORKDIR")[-1])
    url = Settings.model_fields["database_url"].default
    assert json.loads(steps("VOLUME")[0]) == [str((folder / url.removeprefix("sqlite:///")).parent)]
    assert f"data:{json.loads(steps('VOLUME')[0])[0]}" in BOT["volumes"]
    for database in (url, COMPOSE["services"]["bot-a"]["environment"]["ESAFETY_DATABASE_URL"]):
        exports = Settings(ESAFETY_DATABASE_URL=re.sub(r"\$\{[^}]*\}", "x", database)).exports_folder
        assert [str((folder / exports).parent)] == json.loads(steps("VOLUME")[0])


def test_compose_shuts_what_can_be_shut() -> None:
    """Read-only, without new rights, the schools read-only; the balancer published to this machine alone, the rest never."""
    for service in (BOT, DATABASE, BALANCER):
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"
    assert BOT["cap_drop"] == BALANCER["cap_drop"] == ["ALL"]
    assert BALANCER["ports"] == ["127.0.0.1:3978:3978"]
    assert "ports" not in {**DATABASE, **BOT}
    assert DATABASE["networks"] == ["inside"]
    assert "inside" not in BALANCER["networks"], "it has no business with the database"
    assert COMPOSE["networks"]["inside"] == COMPOSE["networks"]["between"] == {"internal": True}
    assert f"./schools:{environment()['ESAFETY_SCHOOLS']}:ro" in BOT["volumes"]


def test_two_bots_share_one_database_behind_the_balancer() -> None:
    """They differ in nothing but their names, so that either can be renewed while the other serves."""
    assert COMPOSE["services"]["bot-b"] == BOT
    assert set(BALANCER["depends_on"]) == {"bot-a", "bot-b"}
    servers = re.findall(r"^    server (\S+) (\S+):(\d+)$", BALANCING, re.MULTILINE)
    assert servers == [(name, name, BOT["environment"]["PORT"]) for name in ("bot-a", "bot-b")]
    assert "option httpchk GET /readyz" in BALANCING


def test_the_container_may_take_as_long_to_stop_as_the_program_does() -> None:
    """Ten seconds, and then it is killed."""
    assert int(BOT["stop_grace_period"].removesuffix("s")) > STOP_SECONDS


def answering(port: int, status: int, name: bytes, seen: list[bytes]) -> HTTPServer:
    """A bot that answers posts with that status, and was ready when it was last asked."""

    class Bot(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200)

        def do_POST(self) -> None:
            seen.append(name)
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(status)

        def _answer(self, code: int) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name)

        def log_message(self, *_: object) -> None:
            pass

    class Server(HTTPServer):
        def handle_error(self, *_: object) -> None:
            """Whoever only looks whether it is there hangs up before the answer."""

    server = Server(("127.0.0.1", port), Bot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.skipif(shutil.which("haproxy") is None and not IN_CI, reason="no HAProxy here")
def test_the_balancer_gives_a_stopping_bots_requests_to_the_other(tmp_path: Path) -> None:
    """Before its own check has noticed: what a bot turned away with 503 is taken by the other, body and all, once."""
    door, first, second = free_port(), free_port(), free_port()
    text = re.sub(r"\nresolvers docker.*?\n\n", "\n", BALANCING, flags=re.DOTALL).replace(" resolvers docker", "")
    text = text.replace("bind :3978", f"bind 127.0.0.1:{door}").replace("inter 1s", "inter 60s")
    text = text.replace("bot-a:3978", f"127.0.0.1:{first}").replace("bot-b:3978", f"127.0.0.1:{second}")
    (tmp_path / "balancer.cfg").write_text(text)
    seen: list[bytes] = []
    servers = [answering(first, 503, b"stopping", seen), answering(second, 200, b"ready", seen)]
    process = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(tmp_path / "balancer.cfg")])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{door}/healthz", timeout=5) as answer:
                assert answer.read() == b"ok"
                break
            time.sleep(0.02)
        for _ in range(4):
            request = Request(f"http://127.0.0.1:{door}/slack/events", data=b"x" * 60_000)
            with urlopen(request, timeout=10) as answer:
                assert answer.read() == b"ready"
        assert b"stopping" in seen, "it was never tried"
        assert seen.count(b"ready") == 4
        for hidden in ("/readyz", "/metrics"):
            with pytest.raises(HTTPError, match="404"):
                urlopen(f"http://127.0.0.1:{door}{hidden}", timeout=5)
    finally:
        process.terminate()
        process.wait(20)
        for server in servers:
            server.shutdown()
            server.server_close()


def test_compose_waits_for_the_database() -> None:
    """The bot brings the tables up to date when it starts, so there must be something to bring up to date."""
    assert BOT["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "pg_isready" in DATABASE["healthcheck"]["test"]
    assert DATABASE["image"].startswith("postgres:16")


def test_compose_knows_no_secret_and_no_setting_that_there_is_not() -> None:
    """Passwords come from .env. A name that is mistyped here would be a setting that silently is not made."""
    fields = Settings.model_fields
    known = {str(field.validation_alias or name).upper() for name, field in fields.items()}
    assert set(BOT["environment"]) <= known
    assert "${ESAFETY_DATABASE_PASSWORD:?" in BOT["environment"]["ESAFETY_DATABASE_URL"]
    assert COMPOSE["secrets"] == {"database_password": {"environment": "ESAFETY_DATABASE_PASSWORD"}}
    assert not [name for name in DATABASE["environment"] if name == "POSTGRES_PASSWORD"]
