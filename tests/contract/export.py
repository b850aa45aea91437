"""The corpus, and both manifests, as JSON for the checks in Node: `python -m tests.contract.export <file>`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.teams.package import built_manifest
from tests.contract.drawn import corpus

SLACK_MANIFEST = Path(__file__).parents[2] / "manifest.json"
APP_ID = "11111111-2222-4333-8444-555555555555"
DOMAIN = "esafety.school.example"


def manifests() -> Iterator[dict[str, Any]]:
    """What is pasted into Slack, and what is built for Teams with and without all that can be left out."""
    slack = json.loads(SLACK_MANIFEST.read_text(encoding="utf-8"))
    yield {"name": "manifest.json", "platform": "slack", "payload": slack}
    yield {"name": "appPackage, an app id only", "platform": "teams", "payload": built_manifest(APP_ID)}
    yield {"name": "appPackage, with a domain", "platform": "teams", "payload": built_manifest(APP_ID, domain=DOMAIN)}


def exported() -> dict[str, Any]:
    """All that Node checks."""
    cards = [{"name": o.name, "surface": o.surface, "slack": o.slack, "teams": o.teams} for o in corpus()]
    return {"cards": cards, "manifests": list(manifests())}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(exported()), encoding="utf-8")
