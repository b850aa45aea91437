"""Where what is meant for Teams may be sent, and tokens that no library is prepared for; on a running bot."""

import base64
from pathlib import Path

import pytest

from bot.settings import Settings
from bot.teams.auth import TEAMS_HOSTS, Doorkeeper
from tests.fakes.clock import FakeClock
from tests.fakes.teams_server import FakeTeams
from tests.story.test_teams_door import Door, door, nothing_came_of_it, opened, settings_for

__all__ = ["door"]

KNOWN = [f"https://{host}/emea/" for host in TEAMS_HOSTS] + [
    "https://SMBA.trafficmanager.net/uk/",
    "https://smba.trafficmanager.net",
]
UNKNOWN = (
    "http://smba.trafficmanager.net/uk/", "https://evil.example/", "https://smba.trafficmanager.net.evil.example/",
    "https://evil.trafficmanager.net/", "https://smba.trafficmanager.net:8443/", "https://smba.trafficmanager.net@evil.example/",
    "https://user:pass@smba.trafficmanager.net/", "https://smba.trafficmanager.net\\@evil.example/",
    "//smba.trafficmanager.net/",
    "https://169.254.169.254/latest/meta-data/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "file:///etc/passwd",
    "https://smba.trafficmanager.net/?x=", "https://smba.trafficmanager.net/#", "https://[", "rubbish",
    "https://smba.trafficmanager.net:x/",
)  # fmt: skip


def keeper(**more: str) -> Doorkeeper:
    """The doorkeeper of a bot that Microsoft itself speaks to."""
    given = {"MICROSOFT_APP_ID": "app", "MICROSOFT_APP_PASSWORD": "x", "MICROSOFT_APP_TENANT_ID": "t"}
    return Doorkeeper(Settings.model_validate({**given, **more}), {"t"}, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", sorted(KNOWN))
def test_microsofts_own_services_are_known(url: str) -> None:
    """Every cloud that Microsoft's own kits name."""
    assert keeper()._is_known(url)


@pytest.mark.parametrize("url", UNKNOWN)
def test_nothing_is_sent_anywhere_else(url: str) -> None:
    """Nor to this machine, nor in the clear, nor to one who is called nearly so."""
    if url.endswith("#"):
        assert keeper()._is_known(url), "an empty fragment is none"
    else:
        assert not keeper()._is_known(url)


def test_another_host_can_be_added() -> None:
    """Should Microsoft open one before this bot knows."""
    other = keeper(ESAFETY_TEAMS_HOSTS="smba.teams.sovcloud-core.fr other.example")
    assert other._is_known("https://smba.teams.sovcloud-core.fr/x/")
    assert other._is_known("https://other.example/")
    assert not other._is_known("https://another.example/")


async def test_a_service_that_microsoft_vouches_for_and_nobody_knows_is_refused(door: Door) -> None:
    """The token is right, and names the very service that the activity does: what it asks for is not done there."""
    before = await door.records()
    for url in ("https://evil.example/", "http://169.254.169.254/latest/"):
        header = {"Authorization": f"Bearer {door.fake.token(serviceurl=url)}"}
        for activity in door.each_kind():
            assert await door.post({**activity, "serviceUrl": url}, header) == 401, url
    await nothing_came_of_it(door, before)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("deep", [500, 2000])
async def test_a_token_that_is_nested_too_deep_is_a_401(door: Door, deep: int) -> None:
    """In its head or in its claims: no RecursionError of a library becomes a failure of ours."""
    nested = _b64(b'{"alg":"RS256","kid":' + b"[" * deep + b"]" * deep + b"}")
    good = door.fake.token()
    for token in (f"{nested}.e30.e30", f"{good.partition('.')[0]}.{nested}.e30", f"e30.{nested}."):
        assert await door.post(door.message(), {"Authorization": f"Bearer {token}"}) == 401
    await door.still_serves()


async def test_a_client_that_has_run_wild_is_refused_and_its_forms_are_not(tmp_path: Path, clock: FakeClock) -> None:
    """Of thirteen hundred messages of one user in a moment the last are refused; a form of theirs is not."""
    async with FakeTeams() as fake, opened(fake, tmp_path, clock) as door:
        message = door.message(type="typing")
        found = [await door.posts_well(message) for _ in range(1300)]
        assert found == [202] * 1200 + [429] * 100
        form = door.teacher.activity("invoke", door.teacher.chat, name="task/submit", value={"data": {}})
        assert await door.posts_well(form) == 200


def test_the_settings_of_the_door_name_no_host(tmp_path: Path) -> None:
    """None is needed: what is added there is for the day on which Microsoft moves."""
    assert settings_for(FakeTeams(), tmp_path).teams_hosts == ""
