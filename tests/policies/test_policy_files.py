"""The one door by which a policy comes in: what is wrong is refused, with the file and the place."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from storage.policy_files import POLICY_FOLDER, PolicyFileError, load_policy, route_cases

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the policies, to be spoilt."""
    home = tmp_path / "policies"
    shutil.copytree(POLICY_FOLDER, home, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    return home


def spoil(path: Path, change: Change) -> None:
    """Changes a file of a policy."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def refused(folder: Path, policy: str = "elton") -> str:
    """What the refusal says."""
    with pytest.raises(PolicyFileError) as no:
        load_policy(policy, folder)
    return str(no.value)


def add_route(**rule: Any) -> Change:
    """Puts a route first."""
    return lambda file: file["routes"].insert(0, {"id": "spoilt", "when": {}, "notify": ["dsl"], **rule})


def test_an_unspoilt_copy_loads(folder: Path) -> None:
    """The copy is as good as the original."""
    assert load_policy("elton", folder).id == "elton"


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("policy.yaml", lambda f: f.update(colour="red"), ["policy.yaml", "colour", "not permitted"]),
        ("routes.yaml", add_route(notifi=["dsl"]), ["routes.yaml", "routes.0.notifi", "not permitted"]),
        ("routes.yaml", add_route(when={"concern": ["other"]}), ["routes.0.when.concern", "not permitted"]),
        ("routes.yaml", add_route(notify=["caretaker"]), ["routes.0.notify.0", "dsl"]),
        ("routes.yaml", add_route(notify=["police"]), ["routes.0", "police", "external"]),
        ("routes.yaml", add_route(external=["dsl"]), ["routes.0", "dsl", "notify"]),
        ("routes.yaml", add_route(urgency="soon"), ["routes.0.urgency"]),
        ("routes.yaml", add_route(cites=["nowhere.7"]), ["routes.yaml", "'spoilt'", "nowhere.7"]),
        ("routes.yaml", add_route(actions=[{"do": "Do it.", "cites": ["nowhere.1"]}]), ["'spoilt'", "nowhere.1"]),
        ("routes.yaml", add_route(when={"concerns": ["dragons"]}), ["'spoilt'", "'dragons'"]),
        ("routes.yaml", add_route(when={}), ["can never be reached"]),
        ("routes.yaml", lambda f: f["routes"].append(dict(f["routes"][0])), ["two rules are called"]),
        ("routes.yaml", lambda f: f["concerns"].append({"id": "dragons"}), ["no concern 'dragons'"]),
        (
            "routes.yaml",
            add_route(when={"about": ["headteacher"]}, notify=["headteacher", "dsl"]),
            ["about the headteacher", "dsl"],
        ),
        ("routes.yaml", add_route(when={"about": ["headteacher"]}, notify=["deputy_dsl"]), ["the headteacher", "deputy_dsl"]),
        ("routes.yaml", add_route(when={"about": ["pupil"]}, notify=[]), ["alerts nobody", "spoilt"]),
        ("routes.yaml", add_route(acknowledge={"unit": "minutes", "n": 0}), ["routes.yaml", "routes.0", "not in the future"]),
        ("policy.yaml", lambda f: f.update(deadlines={"high": {"unit": "minutes", "n": -1}}), ["deadlines.high"]),
        ("policy.yaml", lambda f: f["titles"].pop("dsl"), ["no title for dsl"]),
        ("policy.yaml", lambda f: f.update(figures={"to": ["it_support"], "cites": ["purpose.1"]}), ["sees no figures"]),
        ("policy.yaml", lambda f: f.update(figures={"to": ["dsl"], "cites": ["nowhere.1"]}), ["is sent figures", "nowhere.1"]),
        ("policy.yaml", lambda f: f.update(ladders={"dsl": ["caretaker"]}), ["policy.yaml", "ladders.dsl"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(folder: Path, file: str, change: Change, words: list[str]) -> None:
    """A wrong key, role, clause, concern, deadline or route: refused, with the file and the place in it."""
    spoil(folder / "elton" / file, change)
    message = refused(folder)
    assert str(folder / "elton") in message
    for word in words:
        assert word in message


def test_a_missing_file_is_named(folder: Path) -> None:
    """Every policy folder needs its routes."""
    (folder / "elton" / "routes.yaml").unlink()
    assert "routes.yaml is missing" in refused(folder)


@pytest.mark.parametrize("content", [b"routes: [", b"\xff\xfe\x00", b"- a\n- b\n", b""])
def test_what_is_no_policy_at_all_is_refused(folder: Path, content: bytes) -> None:
    """Broken YAML, another encoding, a list, an empty file: one message that names the file, no traceback."""
    (folder / "elton" / "routes.yaml").write_bytes(content)
    assert "routes.yaml" in refused(folder)


def test_a_policy_that_is_not_there_is_named_with_those_that_are(folder: Path) -> None:
    """A slip in a school's file is mended by reading the message."""
    message = refused(folder, "eltn")
    assert "'eltn'" in message
    assert "elton" in message


@pytest.mark.parametrize("name", ["../elton", "elton/../elton", "", "."])
def test_a_policys_name_is_no_path(folder: Path, name: str) -> None:
    """The name of a policy leads nowhere outside its folder."""
    assert "no policy called" in refused(folder, name)


def test_wrong_cases_are_refused(folder: Path) -> None:
    """A slip in a policy's own tests is not passed over as if it expected nothing."""
    spoil(folder / "elton" / "routing_tests.yaml", lambda f: f["cases"][0]["expect"].update(notifies=["dsl"]))
    with pytest.raises(PolicyFileError, match=r"cases\.0\.expect\.notifies"):
        route_cases("elton", folder)
