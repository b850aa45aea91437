"""`make sbom`: whether the list of what the program is made of is a list of what is installed, with nothing left out."""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

_OURS = "esafety-bot"
_ROOT = Path(__file__).parents[2]


def main(file: str, packages: str) -> int:
    """Holds a CycloneDX file against what is installed in a folder and what pyproject.toml asks for; 1 where it falls short."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = {_plain(d.name): d.version for d in distributions(path=[packages])}
    asked = {_plain(re.split(r"[^\w.-]", wanted, maxsplit=1)[0]) for wanted in project["dependencies"]}
    listed = json.loads(Path(file).read_text(encoding="utf-8"))
    found = list(faults(listed, installed, asked, project["version"]))
    for fault in found:
        print(f"SBOM: {fault}")
    if not found:
        print(f"{file}: {len(listed['components'])} components, each that is installed")
    return int(bool(found))


def faults(sbom: dict[str, Any], installed: dict[str, str], asked: set[str], version: str) -> Iterator[str]:
    """What is wrong with a list. `installed`: the version of each package; `asked`: those that the program names itself."""
    if sbom.get("bomFormat") != "CycloneDX":
        yield "it is no CycloneDX"
        return
    ours = sbom["metadata"]["component"]
    if (ours["name"], ours.get("version")) != (_OURS, version):
        yield f"it is not of {_OURS} {version}"
    components = {_plain(c["name"]): c for c in sbom["components"] if _plain(c["name"]) != _OURS}
    others = {name: version for name, version in installed.items() if name != _OURS}
    for name in sorted(others.keys() | asked | components.keys()):
        listed = components.get(name)
        if name not in others:
            yield f"{name} is {'listed' if listed else 'asked for'}, and not installed"
        elif listed is None:
            yield f"{name} {others[name]} is installed, and not listed"
        elif listed.get("version") != others[name]:
            yield f"{name} is {others[name]}, and listed as {listed.get('version')}"
        elif not str(listed.get("purl", "")).startswith("pkg:pypi/"):
            yield f"{name} has no address by which an advisory could name it"
    if _PRIVATE.search(json.dumps(sbom)):
        yield "a path of this machine is in it"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


_PRIVATE = re.compile(re.escape(str(_ROOT)) + "|file://")

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
