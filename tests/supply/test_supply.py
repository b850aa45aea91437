"""What `make sbom` and `make audit-dependencies` say, and when they fail."""

from typing import Any

import pytest

from tests.supply.audit import main as audit
from tests.supply.audit import tell
from tests.supply.sbom import faults

INSTALLED = {"esafety-bot": "1.0", "aiohttp": "3.14", "typing-extensions": "4.1"}
ASKED = {"aiohttp"}


def sbom(**more: str) -> dict[str, Any]:
    """A list of what is installed, but for what a test says otherwise."""
    listed = {"aiohttp": "3.14", "typing_extensions": "4.1", **more}
    return {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"name": "esafety-bot", "version": "1.0"}},
        "components": [{"name": n, "version": v, "purl": f"pkg:pypi/{n}@{v}"} for n, v in listed.items() if v],
    }


def test_a_list_of_what_is_installed_has_no_fault() -> None:
    """However a name is spelt."""
    assert list(faults(sbom(), INSTALLED, ASKED, "1.0")) == []


@pytest.mark.parametrize(
    ("listed", "fault"),
    [
        ({"aiohttp": ""}, "aiohttp 3.14 is installed, and not listed"),
        ({"aiohttp": "3.13"}, "aiohttp is 3.14, and listed as 3.13"),
        ({"left-over": "1"}, "left-over is listed, and not installed"),
        ({"x": "file:///home/somebody"}, "a path of this machine is in it"),
    ],
)
def test_a_list_that_falls_short(listed: dict[str, str], fault: str) -> None:
    """It says of which package, and why."""
    assert fault in list(faults(sbom(**listed), INSTALLED | {"x": "file:///home/somebody"}, ASKED, "1.0"))


def test_what_the_program_asks_for_must_be_there() -> None:
    """Also where neither the list nor the installation has it."""
    assert "slack-bolt is asked for, and not installed" in list(faults(sbom(), INSTALLED, {"slack-bolt"}, "1.0"))
    assert list(faults({}, INSTALLED, ASKED, "1.0")) == ["it is no CycloneDX"]
    assert "it is not of esafety-bot 2.0" in list(faults(sbom(), INSTALLED, ASKED, "2.0"))


def package(name: str, *ids: str, skipped: str = "") -> dict[str, Any]:
    """What pip-audit says of one."""
    if skipped:
        return {"name": name, "skip_reason": skipped}
    return {"name": name, "version": "1", "vulns": [{"id": i, "fix_versions": ["2"]} for i in ids]}


def test_a_known_fault_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """By name, with the version in which it is mended; whatever could not be checked besides."""
    assert tell([package("aiohttp", "CVE-1"), package("numpy", skipped="not asked"), package("yarl")]) == 1
    said = capsys.readouterr().out
    assert "KNOWN FAULT: aiohttp 1: CVE-1, mended in 2" in said
    assert "NOT CHECKED: 1 of 3 packages" in said
    assert tell([package("aiohttp")]) == 0


def test_nobody_to_ask_is_said_in_a_line_and_does_not_fail(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    """A machine without a way out is no fault of the program's: but nobody must take it for a check."""
    report = tmp_path / "audit.json"
    assert audit("false", str(tmp_path), str(report)) == 0
    assert capsys.readouterr().out.startswith("NOT CHECKED: the advisories could not be asked for")
    assert tell([package("esafety-bot", skipped="ours")]) == 0
