"""What Slack sends, made and signed as Slack does it, and who sends it. It loads hardly anything, as the load client does."""

import json
import time
from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import uuid4

from slack_sdk.signature import SignatureVerifier

SECRET = "signing-secret"
SIGNER = SignatureVerifier(SECRET)
REPORTER, TEAM = "U0BENCH", "T00000001"
ANSWER_TO = "http://127.0.0.1:9/answers"
"""With a server of this machine in Slack's place, answers go to this machine."""
FORM = "application/x-www-form-urlencoded"
REPORTERS = 100
"""How many share the load on one workspace: the bot takes only so much of one person."""
SCHOOLS = 25
TEACHERS = 40
"""How many a trust has: teachers of each of its schools."""


def teacher(school: int, number: int) -> str:
    """The Slack user id of a teacher."""
    return f"U0S{school:02d}T{number:03d}"


def reporter(number: int) -> str:
    """The Slack user id of one of the reporters, in turn."""
    return f"{REPORTER}{number % REPORTERS:03d}"


def team(school: int) -> str:
    """The workspace of a school."""
    return f"T0S{school:02d}"


def signed(body: str) -> dict[str, str]:
    """The headers that prove a request comes from Slack."""
    stamp = str(int(time.time()))
    signature = SIGNER.generate_signature(timestamp=stamp, body=body) or ""
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature, "Content-Type": FORM}


def command(text: str, *, user: str = REPORTER, team: str = TEAM, answer_to: str = ANSWER_TO) -> str:
    """The body of `/esafety ...`, typed in one's own chat with the bot. No two are alike: the same twice would be a replay."""
    return urlencode(
        {
            "team_id": team,
            "user_id": user,
            "channel_id": "D0BENCH",
            "api_app_id": "A1",
            "command": "/esafety",
            "text": text,
            "response_url": answer_to,
            "trigger_id": str(uuid4()),
        }
    )


def submission(form: str, draft: str, values: Mapping[str, object], *, user: str = REPORTER, team: str = TEAM) -> str:
    """The body of a form that is sent."""
    blocks = [{"type": "input", "block_id": name, "label": {"type": "plain_text", "text": name}} for name in values]
    view = {
        "id": "V1",
        "type": "modal",
        "callback_id": form,
        "private_metadata": draft,
        "blocks": blocks,
        "state": {"values": {name: {name: value} for name, value in values.items()}},
        "hash": "1",
    }
    payload = {
        "type": "view_submission",
        "team": {"id": team, "domain": "bench"},
        "user": {"id": user, "username": "bench", "team_id": team},
        "view": view,
        "trigger_id": str(uuid4()),
    }
    return urlencode({"payload": json.dumps(payload)})


def screens(*, user: str = REPORTER, team: str = TEAM) -> tuple[str, str]:
    """Both screens of one report."""
    draft = str(uuid4())
    first = submission("report_kind", draft, _KIND, user=user, team=team)
    return first, submission("report_detail", draft, _DETAIL, user=user, team=team)


def _chosen(value: str) -> object:
    return {"type": "static_select", "selected_option": {"value": value, "text": {"type": "plain_text", "text": value}}}


_KIND = {"concern": _chosen("cyberbullying"), "about": _chosen("pupil"), "danger": _chosen("no")}
_NAMES = [{"value": f"text:{n}", "text": {"type": "plain_text", "text": n}} for n in ("Somebody Typed", "Another Typed")]
_DETAIL: Mapping[str, object] = {
    "targets": {"type": "multi_external_select", "selected_options": _NAMES},
    "what": {"type": "plain_text_input", "value": "What was seen, in about as many words as people write. " * 6},
    "illegal": _chosen("no"),
    "repeat": _chosen("no"),
    "house": _chosen("Brunel"),
    "form": _chosen("8C"),
}
