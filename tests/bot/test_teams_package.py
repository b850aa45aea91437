"""The app package for Teams: what an administrator uploads is what the bot answers, and what Teams takes."""

import json
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.teams.app import ASK_COMMAND, ASK_PARAMETER, REPORT_COMMAND, REPORT_MESSAGE_COMMAND
from bot.teams.package import ICONS, PackageError, built_manifest, write_package
from cards.pages import COMMANDS, IN_NO_MENU

ROOT = Path(__file__).parents[2]
APP_ID = "11111111-2222-4333-8444-555555555555"
SLACK: dict[str, Any] = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))


def manifest() -> dict[str, Any]:
    return built_manifest(APP_ID, domain="esafety.example.sch.uk")


def pixels(file: Path) -> tuple[int, int, list[tuple[int, int, int, int]]]:
    """Width, height, and each pixel with its opacity. Reads what PNG writers make of eight bits a channel, not interlaced."""
    data = file.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, packed, width, height, channels = 8, b"", 0, 0, 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert (depth, interlaced) == (8, 0)
            channels = {2: 3, 6: 4}[colours]
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    raw, line = zlib.decompress(packed), width * channels
    found, above = [], bytes(line)
    for row in range(height):
        start = row * (line + 1)
        above = unfiltered(raw[start], raw[start + 1 : start + 1 + line], above, channels)
        for x in range(0, line, channels):
            red, green, blue, *opacity = above[x : x + channels]
            found.append((red, green, blue, opacity[0] if opacity else 255))
    return width, height, found


def unfiltered(how: int, row: bytes, above: bytes, step: int) -> bytes:
    """One line of a PNG as it was before it was made easy to compress."""
    out = bytearray()
    for i, value in enumerate(row):
        left, up, corner = (out[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
        guess = left + up - corner
        nearest = min((left, up, corner), key=lambda one: abs(guess - one))
        out.append((value + (0, left, up, (left + up) // 2, nearest)[how]) % 256)
    return bytes(out)


def strings(piece: Any) -> list[str]:
    if isinstance(piece, dict):
        return [s for value in piece.values() for s in strings(value)]
    if isinstance(piece, list):
        return [s for value in piece for s in strings(value)]
    return [piece] if isinstance(piece, str) else []


def test_the_app_is_the_registered_bot() -> None:
    """The app, its bot and its message extension are one and the same registration, in any case of its letters."""
    made = built_manifest(f" {APP_ID.upper()} ")
    assert made["id"] == made["bots"][0]["botId"] == made["composeExtensions"][0]["botId"] == APP_ID


def test_everything_is_filled_in() -> None:
    """No placeholder of the template is left, and no text is empty."""
    for text in strings(manifest()):
        assert text
        assert not re.search(r"[{}]", text), text


def test_what_is_filled_in_is_not_filled_again() -> None:
    """A school may be called what it likes, even like a placeholder."""
    assert built_manifest(APP_ID, name='{domain} "quoted"')["name"]["short"] == '{domain} "quoted"'


def test_one_can_write_to_the_bot_alone_in_a_team_and_in_a_group() -> None:
    """It is added to somebody's own chats unless they choose otherwise; it takes no file, and it listens."""
    made, bot = manifest(), manifest()["bots"][0]
    assert made["defaultInstallScope"] == "personal"
    assert bot["scopes"] == ["personal", "team", "groupChat"]
    assert (bot["supportsFiles"], bot["isNotificationOnly"]) == (False, False)


def test_the_commands_offered_are_the_ones_the_bot_answers() -> None:
    """Each place in which the bot is offers the same words, and they are those of every other platform."""
    lists = manifest()["bots"][0]["commandLists"]
    assert sorted(scope for offered in lists for scope in offered["scopes"]) == ["groupChat", "personal", "team"]
    for offered in lists:
        assert [c["title"] for c in offered["commands"]] == [c for c in COMMANDS if c not in IN_NO_MENU]


def test_in_a_channel_the_commands_can_be_whispered() -> None:
    """A slash command of a bot is a message that others do not see, so the bot must say that it understands those."""
    (bot,) = manifest()["bots"]
    assert bot["supportsTargetedMessages"]
    assert {tuple(one["scopes"]): one["triggers"] for one in bot["commandLists"]} == {
        ("personal",): ["mention"],
        ("team", "groupChat"): ["mention", "slash"],
    }


def test_a_report_can_begin_anywhere_and_at_a_message() -> None:
    """The two commands that open a form, by the ids the edge listens to; the first as a slash command too."""
    commands = {c["id"]: c for c in manifest()["composeExtensions"][0]["commands"]}
    assert list(commands) == [REPORT_COMMAND, REPORT_MESSAGE_COMMAND, ASK_COMMAND]
    assert all(
        (commands[c]["type"], commands[c]["fetchTask"]) == ("action", True) for c in (REPORT_COMMAND, REPORT_MESSAGE_COMMAND)
    )
    assert commands[REPORT_COMMAND]["context"] == ["compose", "commandBox"]
    assert commands[REPORT_COMMAND]["triggers"] == ["slash"]
    assert commands[REPORT_MESSAGE_COMMAND]["context"] == ["message"]


def test_the_policy_can_be_asked_while_writing() -> None:
    """The query's one parameter is the one that the edge reads."""
    asked = next(c for c in manifest()["composeExtensions"][0]["commands"] if c["id"] == ASK_COMMAND)
    assert asked["type"] == "query"
    assert [p["name"] for p in asked["parameters"]] == [ASK_PARAMETER]


def test_the_shortcuts_are_called_as_in_slack() -> None:
    """A school with both chats explains the bot once."""
    commands = manifest()["composeExtensions"][0]["commands"]
    opening = [c["title"] for c in commands if c["type"] == "action"]
    assert opening == [s["name"] for s in SLACK["features"]["shortcuts"]]
    assert manifest()["accentColor"] == SLACK["display_information"]["background_color"]
    assert manifest()["name"]["short"] == SLACK["display_information"]["name"]


def test_it_asks_for_nothing_it_does_not_need() -> None:
    """No permission beyond knowing who writes and writing to a team's members, and no page of anybody's is opened."""
    made = manifest()
    assert made["permissions"] == ["identity", "messageTeamMembers"]
    assert made["validDomains"] == ["esafety.example.sch.uk"]
    assert built_manifest(APP_ID)["validDomains"] == []
    assert not {"authorization", "webApplicationInfo", "devicePermissions"} & made.keys()


def test_teams_takes_every_text() -> None:
    """No text is longer than Teams' manifest schema allows."""
    made = built_manifest(APP_ID, name="N" * 30, developer="D" * 32)
    assert len(made["name"]["short"]) <= 30
    assert len(made["name"]["full"]) <= 100
    assert len(made["developer"]["name"]) <= 32
    assert len(made["description"]["short"]) <= 80
    assert len(made["description"]["full"]) <= 4000
    for command in made["composeExtensions"][0]["commands"]:
        assert len(command["title"]) <= 32
        assert len(command["description"]) <= 128
    for offered in made["bots"][0]["commandLists"]:
        assert len(offered["commands"]) <= 12
        for command in offered["commands"]:
            assert len(command["title"]) <= 128
            assert len(command["description"]) <= 128


def test_the_schools_own_addresses_stand_in_it() -> None:
    """Each can be given; what is left out falls back on what is there."""
    given = {"website": "https://school.example/it", "privacy": "https://school.example/privacy"}
    developer = built_manifest(APP_ID, developer="Example School", **given)["developer"]
    assert developer == {
        "name": "Example School",
        "websiteUrl": given["website"],
        "privacyUrl": given["privacy"],
        "termsOfUseUrl": given["website"],
    }
    assert manifest()["developer"]["privacyUrl"] == "https://esafety.example.sch.uk/"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"domain": "https://esafety.example.sch.uk"}, "--domain"),
        ({"domain": "esafety.example.sch.uk:443"}, "--domain"),
        ({"domain": "localhost"}, "--domain"),
        ({"name": "N" * 31}, "--name"),
        ({"name": "Two\nlines"}, "--name"),
        ({"developer": " "}, "--developer"),
        ({"website": "http://school.example"}, "--website"),
        ({"privacy": "school.example"}, "--privacy"),
        ({"terms": "https://school.example/ab cd"}, "--terms"),
        ({"version": "1.0"}, "--version"),
        ({"version": "01.0.0"}, "--version"),
    ],
)
def test_what_teams_would_refuse_is_refused_at_once(given: dict[str, str], named: str) -> None:
    """The message names the option, so that nobody learns it from an upload that failed."""
    with pytest.raises(PackageError, match=named):
        built_manifest(APP_ID, **given)


def test_the_package_has_three_files_at_its_top(tmp_path: Path) -> None:
    """Teams looks for them nowhere else, and there is nothing else in it."""
    write_package(manifest(), tmp_path / "new" / "app.zip")
    with zipfile.ZipFile(tmp_path / "new" / "app.zip") as package:
        assert package.namelist() == ["manifest.json", *ICONS]
        assert package.testzip() is None
        assert json.loads(package.read("manifest.json")) == manifest()
        for icon in ICONS:
            assert package.read(icon) == (ROOT / "appPackage" / icon).read_bytes()
    assert set(manifest()["icons"].values()) == set(ICONS)


def test_the_same_package_is_the_same_to_the_byte(tmp_path: Path) -> None:
    """Whoever compares two packages sees whether anything has changed."""
    for name in ("one.zip", "two.zip"):
        write_package(manifest(), tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_colour_icon_fills_its_square() -> None:
    """192 by 192, no pixel transparent, on the colour of the app in Slack."""
    width, height, found = pixels(ROOT / "appPackage" / "color.png")
    assert (width, height) == (192, 192)
    assert {opacity for *_, opacity in found} == {255}
    assert "#{:02x}{:02x}{:02x}".format(*found[0]) == manifest()["accentColor"]


def test_the_outline_icon_is_white_on_nothing() -> None:
    """32 by 32: every pixel that shows is white, and the corners and the middle show nothing."""
    width, height, found = pixels(ROOT / "appPackage" / "outline.png")
    assert (width, height) == (32, 32)
    assert {(r, g, b) for r, g, b, opacity in found if opacity} == {(255, 255, 255)}
    assert not any(found[at][3] for at in (0, 31, 31 * 32, 32 * 32 - 1, 15 * 32 + 16))


def test_the_command_takes_the_id_from_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other settings may still be missing: the package is uploaded while the bot is being set up."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"MICROSOFT_APP_ID={APP_ID}\n", encoding="utf-8")
    assert main(["teams-package", "--website", "https://school.example", "--name", "Safe here", "--version", "1.0.1"]) == 0
    with zipfile.ZipFile(tmp_path / "esafety-teams.zip") as package:
        made = json.loads(package.read("manifest.json"))
    assert (made["id"], made["name"]["short"], made["version"]) == (APP_ID, "Safe here", "1.0.1")
    said = capsys.readouterr().out
    assert "esafety-teams.zip" in said
    assert "Upload" in said
    assert "--website" not in said


def test_the_command_says_when_the_schools_address_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trial works without one; nobody should ship it so."""
    assert main(["teams-package", "--app-id", APP_ID, "--out", str(tmp_path / "app.zip")]) == 0
    assert "--website" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "MICROSOFT_APP_ID is missing"),
        (["--app-id", "esafety"], "00000000-0000-0000-0000-000000000000"),
        (["--app-id", f"{APP_ID}0"], "00000000-0000-0000-0000-000000000000"),
        (["--app-id", APP_ID, "--out", "."], "--out"),
    ],
)
def test_the_command_refuses_in_one_line(args: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing or wrong, and where it is found; no stack trace, and exit code 2."""
    assert main(["teams-package", *args]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_guide_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/install-teams.md says of each option what it is when it is left out."""
    with pytest.raises(SystemExit):
        main(["teams-package", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    guide = (ROOT / "docs" / "install-teams.md").read_text(encoding="utf-8")
    table = guide.partition("| option | left out |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(--[a-z-]+)`", table)) == options


def test_an_installed_program_finds_template_and_icons(tmp_path: Path) -> None:
    """A wheel has them, and the command works from it with no repository near."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=50)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    script = "from bot.teams import package; print(package.__file__); package.make_package({!r}, package.Path('app.zip'))"
    ran = subprocess.run(
        [sys.executable, "-c", script.format(APP_ID)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed")},
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ran.stdout.startswith(str(tmp_path / "installed"))
    assert (tmp_path / "app.zip").is_file()
