"""The requests: made of what was recorded, with a wrong proof of who sends them, or a right one from who has no right."""

import base64
import gzip
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from slack_sdk.signature import SignatureVerifier

from tests.fuzz.known import KnownForm, Pattern, carried, filled, in_slack, known
from tests.fuzz.mutation import as_json, in_bytes, mutated
from tests.fuzz.raw_http import request
from tests.fuzz.world import WITHOUT_A_RIGHT, Recorded, World, no_rights_at_the_console
from tests.story.test_teams_door import WRONG

Headers = list[tuple[str, str]]
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
_TYPES = (
    _FORM, _JSON, "text/plain", "", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "application/xml",
    "text/html; charset=nonsense", f"{_FORM}; charset=rot13", "application/json; charset=undefined", "x" * 5000,
    "application/json, text/plain",
)  # fmt: skip
_PATHS = (
    "/", "/console", "/console/", "/healthz", "/readyz", "/metrics", "/slack/install", "/slack/events", "/api/messages",
    "/.env",
    "/console/static/../../../../etc/passwd", "/console/static/%2e%2e%2f%2e%2e%2fsettings.py", "/console/static/console.js",
    "//evil.example/", "/%00", "/%ff", "/console/api/world", "/console/api/messages?persona=x&place=dm",
    "/slack/oauth_redirect",
    "/console/api/suggest?persona=%00&q=%00", "/" + "x" * 8000, "/?" + "a=b&" * 1000, "*", "http://evil.example/console/",
)  # fmt: skip
_METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "CONNECT", "PROPFIND", "\x00", "get")
_HOSTS = ("evil.example", "127.0.0.1.evil.example", "", "[::1", "localhost.", "127.0.0.1@evil.example", "evil.example:3978")


@dataclass(frozen=True, slots=True)
class Shot:
    """A request, and in a word what it is."""

    what: str
    data: bytes


class Hostile:
    """Makes requests by lot; the same seed makes the same ones, but for times and ids."""

    def __init__(self, here: World, seed: str) -> None:
        self._here = here
        self._chance = Random(seed)
        self._host = f"127.0.0.1:{here.port}"
        self._by: Mapping[str, Sequence[Recorded]] = {
            platform: [one for one in here.recorded if one.platform == platform] for platform in ("slack", "teams", "console")
        }
        self._payloads = {platform: [one.payload for one in found] for platform, found in self._by.items()}
        self._slack_ids = [u.id for u in here.slack_strangers] + [here.slack_users[w].id for w in WITHOUT_A_RIGHT]
        self._teams_people = [u.person.as_account() for u in here.teams_strangers]
        self._teams_people += [here.teams_users[w].person.as_account() for w in WITHOUT_A_RIGHT]
        self._personas = no_rights_at_the_console(here)
        self._signs = SignatureVerifier(here.slack.signing_secret)
        self._token = here.teams.token()

    def unproven(self) -> Shot:
        """A request without a good proof: whatever it says, nothing may come of it."""
        make = self._chance.choices(
            (self._unsigned_slack, self._unsigned_teams, self._console_without_its_token, self._anywhere, self._survey),
            (43, 28, 14, 10, 5),
        )[0]
        return make()

    def proven(self) -> Shot:
        """A request with a good proof, from somebody who has no right to the planted case."""
        make = self._chance.choices(
            (self._signed_slack, self._signed_teams, self._console, self._at_the_planted_case), (35, 25, 15, 25)
        )[0]
        return make()

    # Slack

    def _slack_body(self, *, wild: bool) -> tuple[str, str, bytes]:
        one = self._chance.choice(self._by["slack"])
        payload = self._of_somebody(one.kind, one.payload)
        if self._chance.random() < 0.85:
            payload = self._of_somebody(one.kind, mutated(self._chance, payload, self._payloads["slack"]))
        body, kind = _slack_form(one.kind, payload)
        if wild and self._chance.random() < 0.3:
            body = in_bytes(self._chance, body)
        return one.kind, kind if self._chance.random() < 0.95 else self._chance.choice(_TYPES), body

    def _of_somebody(self, kind: str, payload: Any) -> Any:
        """The same, done by somebody without a right, as far as it still has somebody who does it."""
        who = self._chance.choice(self._slack_ids)
        if not isinstance(payload, dict):
            return payload
        made = dict(payload)
        fresh = {"trigger_id": self._here.slack.new_trigger(who)} if isinstance(made.get("trigger_id"), str) else {}
        if isinstance(made.get("response_url"), str) and made["response_url"].startswith("http://127.0.0.1"):
            fresh["response_url"] = self._here.slack.new_response_url(who, self._here.slack.direct_channel(who).id)
        if "event_id" in made and self._chance.random() < 0.8:
            fresh["event_id"] = f"Ev{self._chance.randrange(10**9)}"
        made |= fresh
        if "user_id" in made or kind == "slash_commands":
            made["user_id"] = who
        for place, name in (("user", "id"), ("event", "user")):
            inner = made.get(place)
            if isinstance(inner, dict) and name in inner:
                made[place] = {**inner, name: who}
        return made

    def _sent_to_slack_door(self, what: str, kind: str, body: bytes, proof: Headers) -> Shot:
        headers = [("Host", self._host), ("Content-Type", kind), *proof]
        if self._chance.random() < 0.02:
            body, headers = gzip.compress(body), [*headers, ("Content-Encoding", "gzip")]
        return Shot(what, request("POST", "/slack/events", headers, body))

    def _signed(self, body: bytes, *, secret: SignatureVerifier | None = None, late: float = 0.0) -> Headers:
        at = str(int(time.time() - late))
        try:
            signature = (secret or self._signs).generate_signature(timestamp=at, body=body) or ""
        except UnicodeDecodeError:
            signature = "v0=" + "0" * 64
        return [("X-Slack-Request-Timestamp", at), ("X-Slack-Signature", signature)]

    def _signed_slack(self) -> Shot:
        what, kind, body = self._slack_body(wild=True)
        return self._sent_to_slack_door(f"slack {what}", kind, body, self._signed(body))

    def _unsigned_slack(self) -> Shot:
        what, kind, body = self._slack_body(wild=True)
        at, good = str(int(time.time())), self._signed(body)
        proofs: tuple[Callable[[], Headers], ...] = (
            list,
            lambda: self._signed(body, secret=SignatureVerifier("another secret")),
            lambda: self._signed(body, late=301),
            lambda: self._signed(body, late=-900),
            lambda: self._signed(body + b" "),
            lambda: [("X-Slack-Request-Timestamp", at), ("X-Slack-Signature", "")],
            lambda: [("X-Slack-Request-Timestamp", at), ("X-Slack-Signature", "v0=" + "0" * 64)],
            lambda: [("X-Slack-Request-Timestamp", at), ("X-Slack-Signature", "v0=\xe9\xff")],
            lambda: [("X-Slack-Request-Timestamp", "soon"), good[1]],
            lambda: [("X-Slack-Request-Timestamp", "9" * 5000), good[1]],
            lambda: [("X-Slack-Request-Timestamp", "-1"), good[1]],
            lambda: [good[1]],
            lambda: [good[0]],
            lambda: [("X-Slack-Request-Timestamp", at), ("X-Slack-Signature", good[1][1].upper())],
            lambda: [("X-Slack-Request-Timestamp", f"{at} "), ("X-Slack-Signature", good[1][1][:-1])],
            lambda: [("X-Slack-Bolt-Lazy-Only", "1"), ("X-Slack-Bolt-Lazy-Function-Name", "_taken")],
        )
        return self._sent_to_slack_door(f"slack {what} unsigned", kind, body, self._chance.choice(proofs)())

    # Teams

    def _activity(self) -> tuple[str, Any]:
        one = self._chance.choice(self._by["teams"])
        made = one.payload
        if self._chance.random() < 0.85:
            made = mutated(self._chance, made, self._payloads["teams"])
        if isinstance(made, dict) and made is not one.payload and not isinstance(made.get("from"), dict | None):
            return "teams", made
        if isinstance(made, dict):
            fresh = {"id": f"f:{self._chance.randrange(10**9)}"} if isinstance(made.get("id"), str) else {}
            made = {**made, **fresh, "from": self._chance.choice(self._teams_people)}
        return f"teams {one.payload['type']} {one.payload.get('name', '')}", made

    def _teams(self, what: str, body: bytes, token: str | None) -> Shot:
        kind = _JSON if self._chance.random() < 0.97 else self._chance.choice(_TYPES)
        headers = [("Host", self._host), ("Content-Type", kind), *([] if token is None else [("Authorization", token)])]
        return Shot(what, request("POST", "/api/messages", headers, body))

    def _signed_teams(self) -> Shot:
        what, activity = self._activity()
        body = as_json(activity)
        if self._chance.random() < 0.2:
            body = in_bytes(self._chance, body)
        return self._teams(what, body, f"Bearer {self._token}")

    def _unsigned_teams(self) -> Shot:
        what, activity = self._activity()
        body = as_json(activity) if self._chance.random() < 0.8 else in_bytes(self._chance, as_json(activity))
        name = self._chance.choice((*WRONG, "deep header", "deep claims", "long"))
        deep = _b64(b'{"alg":"RS256","kid":' + b"[" * 2000 + b"]" * 2000 + b"}")
        token = {
            "deep header": f"Bearer {deep}.e30.e30",
            "deep claims": f"Bearer {self._token.partition('.')[0]}.{deep}.e30",
            "long": f"Bearer {'a' * 7000}",
        }.get(name)
        if token is None and name in WRONG:
            token = _made(self._here, name)
        return self._teams(f"{what} unsigned", body, token)

    # The console

    def _console_body(self) -> tuple[str, Any]:
        one = self._chance.choice(self._by["console"])
        made = one.payload if self._chance.random() < 0.15 else mutated(self._chance, one.payload, self._payloads["console"])
        if isinstance(made, dict):
            made = {**made, "persona": self._chance.choice(self._personas)}
        return one.kind, made

    def _console(self) -> Shot:
        if self._chance.random() < 0.3:
            return self._console_page()
        page, made = self._console_body()
        body = as_json(made) if self._chance.random() < 0.8 else in_bytes(self._chance, as_json(made))
        headers = [("Host", self._host), ("Content-Type", _JSON), ("X-Console-Token", self._here.console_token)]
        return Shot(f"console {page}", request("POST", f"/console/api/{page}", headers, body))

    def _console_page(self) -> Shot:
        odd = self._chance.choice(
            ("dm", "channel:safeguarding", "channel:brunel-house", "channel:", "dm:x", "\x00", "é", "😀" * 500, "a" * 3000)
        )
        persona, page = self._chance.choice(self._personas), self._chance.choice(("world", "messages", "suggest", "raw"))
        asked = urlencode({"persona": persona, "place": odd, "q": odd, "message": self._chance.choice(("1", "2", odd))})
        return Shot(f"console {page}", request("GET", f"/console/api/{page}?{asked}", [("Host", self._host)]))

    def _console_without_its_token(self) -> Shot:
        page, made = self._console_body()
        body = as_json(made) if self._chance.random() < 0.8 else in_bytes(self._chance, as_json(made))
        token = self._here.console_token
        headers = self._chance.choice(
            (
                [("Host", self._host)],
                [("Host", self._host), ("X-Console-Token", "")],
                [("Host", self._host), ("X-Console-Token", "\xff\xfe")],
                [("Host", self._host), ("X-Console-Token", token[:-1])],
                [("Host", self._host), ("Cookie", f"token={token}")],
                [("Host", self._chance.choice(_HOSTS)), ("X-Console-Token", token)],
                [
                    ("Host", self._host),
                    ("X-Console-Token", token),
                    ("Sec-Fetch-Site", "cross-site"),
                    ("Sec-Fetch-Mode", "cors"),
                ],
            )
        )
        return Shot(
            f"console {page} unproven", request("POST", f"/console/api/{page}", [*headers, ("Content-Type", _JSON)], body)
        )

    def _anywhere(self) -> Shot:
        method, path = self._chance.choice(_METHODS), self._chance.choice(_PATHS)
        host = self._host if self._chance.random() < 0.5 else self._chance.choice(_HOSTS)
        headers: Headers = [("Host", host), ("Connection", "close")]
        odd: tuple[Headers, ...] = (
            [], [], [("X", "y" * 9000)], [(f"X-{n}", "y") for n in range(300)], [("Transfer-Encoding", "chunked")],
            [("Expect", "100-continue")], [("Content-Length", "x")], [("Content-Length", "-1")], [("Range", "bytes=0-9")],
            [("Connection", "upgrade"), ("Upgrade", "h2c")], [("Content-Type", self._chance.choice(_TYPES))],
            [("\x00", "\x00")], [("X-Forwarded-For", "127.0.0.1")],
        )  # fmt: skip
        body = b"" if self._chance.random() < 0.5 else b"x=y"
        return Shot("anywhere", request(method, path, [*headers, *self._chance.choice(odd)], body) + b"\r\n")

    # Surveys

    def _survey(self) -> Shot:
        """A page behind a link that somebody guesses, looked at or sent in: there is a door, and nothing behind it."""
        odd = ("", "x", "A" * 43, "-_" * 21 + "a", "%00" * 43, "%ff" * 43, "\u00e9" * 43, "a" * 4000, "../../etc/passwd")
        guess = self._chance.choice((*odd, _b64(self._chance.randbytes(32))))
        kind = _FORM if self._chance.random() < 0.7 else self._chance.choice(_TYPES)
        fields = [("page", self._chance.choice(("", "0" * 96, "\x00", "\ud83d"))), ("q-unkind", "never"), ("q-unkind", "often")]
        body = urlencode(fields * self._chance.choice((1, 1, 60)), errors="replace").encode()
        if self._chance.random() < 0.4:
            body = in_bytes(self._chance, body)
        site = self._chance.choice(("none", "cross-site", "\xff"))
        headers = [("Host", self._host), ("Content-Type", kind), ("Sec-Fetch-Site", site)]
        method = self._chance.choice(("GET", "POST", "POST", "POST", "HEAD", "PUT"))
        sent = body if method == "POST" else b""
        return Shot("survey", request(method, f"/survey/{quote(guess, safe='%/.')}", headers, sent))

    # The planted case

    def _at_the_planted_case(self) -> Shot:
        """Buttons and forms that are quite as they should be, but for who presses them: any that there are."""
        what = self._chance.choice(list(known().buttons))
        value = self._about_the_planted_case(known().buttons[what])
        name = self._chance.choice(list(known().forms))
        form = known().forms[name]
        state, typed = self._about_the_planted_case(form.states), filled(self._chance, form, self._here.planted_ids)
        match self._chance.randrange(6):
            case 0:
                return self._slack_button(what, value)
            case 1:
                return self._slack_form(name, state, form, typed)
            case 2:
                verb = self._chance.choice(("adaptiveCard/action", "task/fetch"))
                pressed: dict[str, Any] = {"data": {"action": what, "value": value, "school": "chipping-sodbury"}}
                return self._teams_invoke(verb, {"action": pressed} if verb == "adaptiveCard/action" else pressed)
            case 3:
                data = {"action": "submit", "dialog": name, "state": state, "school": "chipping-sodbury", **typed}
                return self._teams_invoke("task/submit", {"data": data})
            case 4:
                return self._console_post("press", action=what, value=value, form=None)
            case _:
                return self._console_post("submit", form=name, state=state, values=typed)

    def _about_the_planted_case(self, patterns: Sequence[Pattern]) -> str:
        incident, *parts = self._here.planted_ids
        at = incident if self._chance.random() < 0.6 else self._chance.choice(parts or [incident])
        return carried(self._chance, patterns, at, self._here.planted_ids)

    def _slack_button(self, action: str, value: str) -> Shot:
        pressed = {"type": "button", "action_id": action, "block_id": "b", "value": value, "action_ts": "1"}
        return self._interaction("block_actions", {"actions": [pressed], "channel": {"id": "C1", "name": "x"}})

    def _slack_form(self, name: str, state: str, form: KnownForm, values: Mapping[str, str]) -> Shot:
        typed = in_slack(form, values)
        blocks = [{"type": "input", "block_id": block} for block in typed]
        view = {"type": "modal", "callback_id": name, "private_metadata": state, "state": {"values": typed}, "blocks": blocks}
        return self._interaction("view_submission", {"view": view})

    def _interaction(self, kind: str, more: Mapping[str, Any]) -> Shot:
        who = self._chance.choice(self._slack_ids)
        answered_at = self._here.slack.new_response_url(who, self._here.slack.direct_channel(who).id)
        payload = {
            "type": kind,
            "user": {"id": who, "team_id": self._here.slack.team_id},
            "team": {"id": self._here.slack.team_id, "domain": "x"},
            "trigger_id": self._here.slack.new_trigger(who),
            "response_url": answered_at,
            **more,
        }
        body, content_type = _slack_form("interactive", payload)
        return self._sent_to_slack_door(f"planted slack {kind}", content_type, body, self._signed(body))

    def _teams_invoke(self, name: str, value: Mapping[str, Any]) -> Shot:
        user = self._chance.choice(self._here.teams_strangers)
        activity = user.activity("invoke", user.chat, name=name, value=dict(value))
        return self._teams(f"planted teams {name}", as_json(activity), f"Bearer {self._token}")

    def _console_post(self, page: str, **body: Any) -> Shot:
        said = as_json({"persona": self._chance.choice(self._personas), "place": "dm", **body})
        headers = [("Host", self._host), ("Content-Type", _JSON), ("X-Console-Token", self._here.console_token)]
        return Shot(f"planted console {page}", request("POST", f"/console/api/{page}", headers, said))


_TOKENS: dict[tuple[int, str], str | None] = {}


def _made(here: World, name: str) -> str | None:
    """A wrong token of that kind, made once."""
    key = (here.port, name)
    if key not in _TOKENS:
        _TOKENS[key] = WRONG[name](here.teams)
    return _TOKENS[key]


def _slack_form(kind: str, payload: Any) -> tuple[bytes, str]:
    if kind == "events_api":
        return as_json(payload), _JSON
    if kind == "slash_commands" and isinstance(payload, dict):
        fields = {str(k): v if isinstance(v, str) else json.dumps(v) for k, v in payload.items()}
        return urlencode(fields, errors="replace").encode(), _FORM
    return f"payload={quote(json.dumps(payload), safe='')}".encode(), _FORM


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
