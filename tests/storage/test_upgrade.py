"""An upgrade on the way: whatever a database of an earlier version held is there afterwards, and goes on."""

import re
from collections.abc import AsyncIterator, Container, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, Table, and_, case, event, inspect, or_, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.consents import Kept
from domain.duties import DutyKind
from domain.exports import PageEnd
from domain.incident import TimerKind
from domain.people import Platform, Standing
from domain.register_terms import RecordState
from domain.registers import Change
from domain.submissions import Doing, SubmissionState
from storage import tables as t
from storage.audit_chain import BEFORE_THE_FIRST, AuditChains, entry_hash
from storage.database import MIGRATIONS, SCHEMA_REVISION, Database
from storage.outbox import Outbox
from storage.trouble import DatabaseTroubleError
from tests.conftest import as_it_came_out
from tests.storage.test_schema import WRONG_STATES

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
LEASE = timedelta(seconds=90)
SLACK = {Platform.SLACK}
Rows = Mapping[str, list[dict[str, Any]]]


def script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


REVISIONS = [found.revision for found in reversed(list(script().walk_revisions()))]
BEFORE_THIS = REVISIONS[-2]
AT_WORK = "0017"
"""What the version before had, which may be still at work: several migrations came with this one."""


def tried(revisions: Iterable[str], now: Container[str]) -> list[Any]:
    """Those named now; the others there are for `make test-long`."""
    return [r if r in now else pytest.param(r, marks=pytest.mark.long) for r in revisions]


EARLIER_ONES = tried(REVISIONS[:-1], (REVISIONS[0], AT_WORK, *REVISIONS[-3:-1]))
LATELY = tried([r for r in REVISIONS if r >= AT_WORK][:-1], (AT_WORK, BEFORE_THIS))

_NEW: dict[str, tuple[str, ...]] = {}
"""What makes an empty file of a revision, once the migrations have made one: what is tried is what comes after it."""


async def to_revision(database: Database, revision: str) -> None:
    """Brings the schema to a revision, up or down."""

    def go(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        here = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if _has_tables(connection) else ""
        if not here and database.is_sqlite and revision in _NEW:
            for statement in _NEW[revision]:
                connection.exec_driver_sql(statement)
            return
        (command.downgrade if here and here > revision else command.upgrade)(config, revision)
        if not here and database.is_sqlite:
            _NEW[revision] = tuple(as_it_came_out(connection.exec_driver_sql))

    async with database.begin() as connection:
        await connection.run_sync(go)


def _has_tables(connection: Connection) -> bool:
    return inspect(connection).has_table("alembic_version")


async def tables_of(connection: AsyncConnection) -> dict[str, Table]:
    """The tables as they are in the database now, whatever this version calls them."""

    def look(connection: Connection) -> dict[str, Table]:
        found = MetaData()
        found.reflect(connection)
        return {name: table for name, table in found.tables.items() if name != "alembic_version"}

    return await connection.run_sync(look)


async def vocabularies(connection: AsyncConnection) -> dict[tuple[str, str], set[str]]:
    """Which words a column may hold, as its CHECK constraint has them."""

    def look(connection: Connection) -> dict[tuple[str, str], set[str]]:
        inspector = inspect(connection)
        found = {}
        for name in inspector.get_table_names():
            columns = {c["name"] for c in inspector.get_columns(name)}
            for check in inspector.get_check_constraints(name):
                column = str(check["name"]).removeprefix(f"ck_{name}_")
                if column in columns:
                    found[name, column] = set(re.findall(r"'(\w+)'", check["sqltext"]))
        return found

    return await connection.run_sync(look)


# What a school has after a while: each table, in every state that it knows


def _incidents() -> list[dict[str, Any]]:
    states = ("reported", "acknowledged", "in_progress", "closed", "signed_off", "merged")
    about = ("pupil", "staff", "headteacher", "parent", "external", "unknown")
    urgency = ("critical", "high", "medium", "low", "low", "low")
    platforms = ("slack", "teams", "console", "slack", "slack", "slack")
    return [
        {
            "id": f"incident-{state}",
            "school": "oak",
            "reference": f"OAK-2026-{n:04d}",
            "concern": "grooming",
            "about": about[n],
            "is_repeat": (None, True, False)[n % 3],
            "immediate_danger": n == 0,
            "illegal_suspected": (True, None, False)[n % 3],
            "urgency": urgency[n],
            "private": n in (1, 2),
            "state": state,
            "reporter_platform": platforms[n],
            "reporter_user": "U1",
            "reporter_person": "person-1" if n else None,
            "reported_at": EARLIER,
            "occurred_at": EARLIER - timedelta(microseconds=7),
            "due_at": LATER,
            "closed_at": NOW if n >= 3 else None,
            "route": {"notify": ["dsl"], "cites": ["1.2"]},
            "draft_id": f"draft-{n}" if n else None,
        }
        for n, state in enumerate(states)
    ]


def _alerts() -> list[dict[str, Any]]:
    return [
        {
            "id": f"alert-{state}",
            "incident_id": f"incident-{incident}",
            "school": "oak",
            "role": "dsl",
            "also_roles": ["deputy_dsl"],
            "group_name": "Oak",
            "state": state,
            "opened_at": EARLIER,
            "due_at": LATER,
            "round": 2,
            "owner_id": None if state == "open" else "person-2",
            "acknowledged_at": None if state == "open" else NOW,
        }
        for state, incident in (("open", "reported"), ("acknowledged", "acknowledged"), ("done", "closed"))
    ]


def _deliveries() -> list[dict[str, Any]]:
    """In every state; a lease that has run out and one that has not; a copy that is to be changed where it stands."""

    def row(name: str, state: str = "sent", **more: Any) -> dict[str, Any]:
        return {
            "id": name,
            "school": "oak",
            "incident_id": "incident-reported",
            "alert_id": None,
            "message": "receipt",
            "platform": "slack",
            "address_kind": "user",
            "address_id": f"U-{name}",
            "state": state,
            "revision": 3,
            "shown_revision": 3,
            "attempts": 1,
            "next_at": EARLIER,
            "leased_until": None,
            "message_id": "C1/17.5",
            "summons_round": 1,
            "trouble": "",
            **more,
        }

    alert = {"alert_id": "alert-open", "message": "alert", "address_kind": "person"}
    request: dict[str, Any] = {"incident_id": None, "request_id": "request-asked", "address_kind": "person"}
    return [
        row("due", "pending", message_id=None, shown_revision=0, attempts=0, **alert),
        row("to change", "pending", shown_revision=2, **alert),
        row("put off", "pending", next_at=LATER, message_id=None, trouble="http_503"),
        row("lost", "leased", leased_until=EARLIER, message_id=None, **alert),
        row("on its way", "leased", leased_until=LATER, message_id=None, **alert),
        row("there", "sent", **{**alert, "address_kind": "channel"}),
        row("there too", "sent", alert_id="alert-acknowledged", message="acknowledged", platform="teams"),
        row("not needed", "cancelled", alert_id="alert-acknowledged", message="reminder", platform="console"),
        row("given up", "dead", alert_id="alert-done", message="closed", message_id=None, trouble="users_not_found"),
        row("asked", "sent", **{**request, "message": "request"}),
        row("decided", "pending", **{**request, "message": "decision"}),
        row("opened", "sent", message="opened", address_kind="person"),
        row("to agree", "sent", message="erasure", address_kind="person"),
        row("breach", "sent", **{**request, "request_id": None, "breach_id": "breach-open", "message": "breach"}),
        row("figures", "sent", **{**request, "request_id": None, "figures_id": "figures-autumn", "message": "figures"}),
        row("overdue", "sent", message="action", address_kind="person"),
        row("to sign", "sent", message="sign_off", address_kind="person"),
        row("to review", "sent", message="review", address_kind="person"),
        row("to block", "sent", message="block", address_kind="person"),
        row("to teach", "sent", message="lesson", address_kind="person"),
        row("register", "sent", **{**request, "request_id": None, "register_id": "line-open", "message": "register"}),
        row("submission", "sent", **{**request, "request_id": None, "submission_id": "sent-waiting", "message": "submission"}),
        row("signing", "sent", **{**request, "request_id": None, "signer_id": "signer-1", "message": "signing"}),
        row("in the calendar", "sent", **{**request, "request_id": None, "duty_id": "duty-date", "message": "duty"}),
        row("by mail", "sent", **{**alert, "platform": "email", "step": "alert-open:unanswered"}),
        row("fenced", "sent", **alert, step="alert-open:0.dsl", lease=4, made_at=EARLIER, uncertain=True),
    ]


def _keepings() -> list[dict[str, Any]]:
    """How long cases are kept: in every state, of every class, for every reason."""
    first, second = {"person_id": "person-1"}, {"agreed_by": "person-2"}
    rows: list[dict[str, Any]] = [
        {"incident_id": "incident-reported", "kind": "child_protection", "state": "held", "until": LATER, **first},
        {"incident_id": "incident-acknowledged", "kind": "staff_allegation", "state": "ended"},
        {"incident_id": "incident-in_progress", "kind": "sexual_abuse", "state": "early", "reason": "in_error", **first},
        {"incident_id": "incident-closed", "kind": "low_level", "state": "early", "reason": "unfounded", **first},
        {"incident_id": "incident-signed_off", "kind": "other", "state": "erased", "reason": "upheld", **first, **second},
        {"incident_id": "incident-merged", "kind": "other", "state": "erased", "reason": "order", **first, **second},
    ]
    return [{"school": "oak", "at": NOW, **row} for row in rows]


def _entries() -> list[dict[str, Any]]:
    """Of every kind; an action that is done, a correction, and what became of a thing that was taken and of a block."""
    made = {"school": "oak", "incident_id": "incident-reported", "person_id": "person-2", "at": NOW, "sealed": b"x"}
    kinds: tuple[str, ...] = ("note", "action", "contact", "decision")
    kinds += ("confiscation", "search", "block", "damage", "lesson")
    rows = [{**made, "id": f"entry-{kind}", "kind": kind} for kind in kinds]
    rows += [{**made, "id": "entry-done", "kind": "action", "doer_id": "person-1", "done_at": NOW, "done_by": "person-2"}]
    rows += [{**made, "id": "entry-corrected", "kind": "note", "corrects": "entry-note"}]
    became = {"custody": "confiscation", "release": "confiscation", "in_place": "block", "lifted": "block"}
    became |= {"paid": "damage"}
    return [*rows, *({**made, "id": f"entry-{k}", "kind": k, "follows": f"entry-{of}"} for k, of in became.items())]


def _course() -> Rows:
    """How cases have changed and ended: of every kind, and in every state."""
    made: dict[str, Any] = {"school": "oak", "incident_id": "incident-closed", "person_id": "person-2", "at": NOW}
    kinds: tuple[str, ...] = ("reclassified", "merged", "unmerged", "linked", "unlinked")
    kinds += ("closed", "signed", "reopened", "review_set", "reviewed")
    over = {"done_at": NOW, "done_by": "person-1"}
    link = {**made, "other_id": "incident-reported"}
    signature: dict[str, Any] = {**made, "role": "headteacher", "asked_as": "headteacher"}
    return {
        "case_changes": [{**made, "id": f"change-{k}", "kind": k, "code": k, "sealed": b"x"} for k in kinds],
        "case_links": [
            {**link, "id": "link-merged", "incident_id": "incident-merged", "kind": "merged"},
            {**link, "id": "link-related", "kind": "related"},
            {**link, "id": "link-undone", "kind": "related", **over},
        ],
        "signatures": [
            {**signature, "id": "signature-asked", "round": 1},
            {**signature, "id": "signature-signed", "round": 0, "reads": True, **over},
            {**signature, "id": "signature-ended", "round": 2, "ended_at": NOW},
            {**signature, "id": "signature-nobody", "round": 3, "person_id": None, "asked_as": ""},
        ],
        "reviews": [{**made, "id": "review-due", "due_at": LATER}, {**made, "id": "review-done", "due_at": NOW, **over}],
    }


def _breaches() -> list[dict[str, Any]]:
    """Of every kind; one that is open, and one of each decision."""
    kinds = ("sent_wrong", "seen", "lost", "stolen", "changed", "unavailable", "other")
    made: dict[str, Any] = {"school": "oak", "found_at": NOW, "sealed": b"x", "started_by": "person-1", "started_at": NOW}
    decided = {"decision": "reported", "decided_by": "person-2", "decided_at": NOW, "sealed_reason": b"x", "done": True}
    rows = [{**made, "id": f"breach-{k}", "reference": k, "kind": k, "steps": ["contain"], **decided} for k in kinds]
    open_one = {**made, "id": "breach-open", "reference": "open", "kind": "lost", "steps": []}
    return [*rows[1:], {**rows[0], "decision": "no_risk"}, open_one]


def _figures() -> list[dict[str, Any]]:
    """Of every season."""
    days = {"first_day": date(2026, 9, 1), "last_day": date(2026, 12, 18)}
    made: dict[str, Any] = {"school": "oak", "year": 2026, **days, "made_at": NOW, "published": {"base": 5, "total": 10}}
    return [{**made, "id": f"figures-{season}", "season": season} for season in ("autumn", "spring", "summer")]


def _duties() -> list[dict[str, Any]]:
    """Of each kind, brought up once, and done."""
    duty: dict[str, Any] = {
        "school": "oak",
        "entry": "it",
        "occasion": "2026-autumn",
        "due": date(2026, 12, 18),
        "made_at": NOW,
    }
    waits = [{**duty, "id": f"duty-{kind}", "kind": kind, "next_at": LATER} for kind in DutyKind]
    done = {"id": "duty-done", "kind": "date", "occasion": "2027", "rung": 2, "done_at": NOW, "done_by": "person-1"}
    return [*waits, {**duty, **done}]


def _surveys() -> list[dict[str, Any]]:
    """One that is open, and one that is over, of which something was published."""
    asked = {"title": "Us", "about": "Us", "questions": [], "cites": []}
    opened: dict[str, Any] = {"school": "oak", "type": "pupils", "asked": asked, "opened_by": "person-1", "opened_at": NOW}
    opened |= {"closes_at": LATER, "base": 5}
    shown = {"seen": 7, "lot": "x", "published": {"base": 5, "total": 5, "counts": {}}}
    return [
        {**opened, "id": "survey-open", "token": "0" * 64},
        {**opened, "id": "survey-over", "token": "1" * 64, "closed_at": NOW, **shown},
    ]


def _register_records() -> list[dict[str, Any]]:
    """Of each register, in each state."""
    line: dict[str, Any] = {"school": "oak", "versions": 1, "written_by": "person-1", "changed_at": NOW}
    found = [{**line, "id": f"line-{s}", "kind": "risk", "reference": s, "state": s} for s in RecordState]
    waits = {"id": "line-filter", "kind": "filtering", "reference": "F", "state": "waiting", "remind_at": LATER}
    return [*found, {**line, **waits}]


def _register_versions() -> list[dict[str, Any]]:
    version: dict[str, Any] = {"school": "oak", "record_id": "line-open", "person_id": "person-1", "at": NOW, "sealed": b"x"}
    changes = [{**version, "id": f"version-{c}", "number": n, "change": c, "state": "open"} for n, c in enumerate(Change, 1)]
    moved = ({**version, "id": f"is-{s}", "number": 9 + n, "change": "moved", "state": s} for n, s in enumerate(RecordState))
    return [*changes, *moved]


def _submissions() -> list[dict[str, Any]]:
    """In each state; what waits for an answer, and what is to be done."""
    line: dict[str, Any] = {
        "school": "oak",
        "type": "unblock-lesson",
        "asker_id": "person-1",
        "sent_at": NOW,
        "changed_at": NOW,
        "versions": 1,
        "step": 0,
    }
    found = [{**line, "id": f"sent-{s}", "reference": s, "state": s} for s in SubmissionState]
    to_do = {"id": "sent-to-do", "reference": "P", "state": "granted", "tasks": "unblock,tell", "done": "ask"}
    about = {"id": "sent-about", "reference": "A", "state": "waiting", "about": "person-1,person-2"}
    return [*found, {**line, **to_do, "until_at": LATER, "next_at": LATER}, {**line, **about}]


def _submission_versions() -> list[dict[str, Any]]:
    version: dict[str, Any] = {
        "school": "oak",
        "submission_id": "sent-waiting",
        "person_id": "person-1",
        "at": NOW,
        "sealed": b"x",
    }
    doings = [{**version, "id": f"did-{d}", "number": n, "doing": d, "state": "waiting"} for n, d in enumerate(Doing, 1)]
    states = (
        {**version, "id": f"was-{s}", "number": 20 + n, "doing": "done", "state": s} for n, s in enumerate(SubmissionState)
    )
    return [*doings, *states]


def _signings() -> list[dict[str, Any]]:
    """Asked for, and signed."""
    line: dict[str, Any] = {"school": "oak", "person_id": "person-1", "version": "1", "asked_at": NOW, "due_at": LATER}
    signed = {"signatures": 1, "signed_version": "1", "signed_at": NOW, "until_at": LATER}
    asked = {**line, "id": "signing-1", "agreement": "acceptable-use", "signatures": 0, "signed_version": ""}
    return [asked, {**line, **signed, "id": "signing-2", "agreement": "training"}]


def _consents() -> list[dict[str, Any]]:
    """One of a pupil on the list, and one by name alone."""
    line: dict[str, Any] = {"school": "oak", "name_mark": "a" * 64, "versions": 1, "changed_at": NOW}
    return [{**line, "id": "consent-listed", "pupil_id": "person-1"}, {**line, "id": "consent-named"}]


def _consent_versions() -> list[dict[str, Any]]:
    version: dict[str, Any] = {"school": "oak", "person_id": "", "at": NOW, "sealed": b"x", "consent_id": "consent-listed"}
    return [{**version, "id": f"consent-{k}", "number": n, "kept": k} for n, k in enumerate(Kept, 1)]


def _audit() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for seq in (1, 2, 3):
        entry: dict[str, Any] = {
            "school": "oak",
            "seq": seq,
            "at": NOW,
            "actor": "bot",
            "action": "alert.climbed",
            "incident_id": None if seq == 1 else "incident-reported",
            "data": {"role": "dsl", "round": seq},
            "previous": found[-1]["hash"] if found else BEFORE_THE_FIRST,
        }
        found.append({**entry, "hash": entry_hash(**entry)})
    return found


def _one_each(column: str, *words: str, **rest: Any) -> list[dict[str, Any]]:
    return [{**rest, "id": f"{column}-{word}", column: word} for word in words]


def everything() -> Rows:
    """Rows of every table that there has been, in the order in which they can be written."""
    case_row, account = {"incident_id": "incident-reported"}, {"school": "oak", "platform": "slack", "user_id": "U1"}

    person = {"school": "oak", "name": "Dana Okafor", "search": "dana okafor"}
    decided = {"decided_by": "person-2", "decided_at": NOW, "reason": "Because"}
    request: dict[str, Any] = {
        "school": "oak",
        "kind": "permission",
        "cites": ["1.2"],
        "text": "May I?",
        "role": "dsl",
        "asked": ["person-2"],
    }
    request |= {"asker_platform": "slack", "asker_user": "U1", "asker_person": "person-1", "at": NOW}
    handover: dict[str, Any] = {"id": "handover-1", "school": "oak", "person_id": "person-3", "sealed": b"x", "file": "a.html"}
    handover |= {"receipt": "0" * 64, "started_by": "person-1", "at": NOW, "due_at": LATER}
    page: dict[str, Any] = {"school": "oak", "at": NOW, "ends_at": LATER, "digest": "0" * 64, "cases": []}
    return {
        "counters": [
            {"school": "oak", "name": name, "last": n} for name, n in (("audit", 3), ("incidents-2026", 6), ("people", 4))
        ],
        "people": [
            {**person, "id": "person-1", "kind": "staff", "list_key": "d@oak.example", "email": "d@oak.example"},
            {**person, "id": "person-2", "kind": "staff", "list_key": "e@oak.example", "line_manager": "d@oak.example"},
            {**person, "id": "person-4", "kind": "staff", "list_key": "f@oak.example", "number": "7"},
            {**person, "id": "person-3", "kind": "pupil", "list_key": "P3", "house": "Oak", "form": "7A", "active": False},
        ],
        "people_words": [{"school": "oak", "token": b"\x00mark", "person_id": "person-3"}],
        "school_keys": [
            {"school": "oak", "purpose": p, "key_id": "2026", "wrapped_key": b"\x01\x04"} for p in ("records", "index")
        ],
        "accounts": [
            *({**account, "platform": p, "email": "d@oak.example", "checked_at": NOW} for p in ("slack", "teams", "console")),
            *({**account, "user_id": f"U-{s}", "standing": s, "checked_at": NOW} for s in Standing),
        ],
        "channel_readers": [
            {"school": "oak", "platform": p, "channel": "C1", "emails": ["", "d@oak.example"], "checked_at": NOW}
            for p in ("slack", "teams", "console")
        ],
        "teams_users": [
            {
                "tenant": "T",
                "user_id": "u",
                "teams_id": "29:x",
                "name": "Dana",
                "service_url": "https://x.example",
                "checked_at": NOW,
            },
            *(
                {"tenant": "T", "user_id": s, "teams_id": f"29:{s}", "standing": s, "service_url": "", "checked_at": NOW}
                for s in Standing
            ),
        ],
        "teams_places": [
            {"tenant": "T", "conversation_id": f"19:{kind}", "kind": kind, "service_url": "https://x.example", "added_at": NOW}
            for kind in ("team", "group")
        ],
        "slack_installs": [{"team": "T1", "token": "a token", "bot_user": "B1", "installed_at": NOW}],
        "slack_install_states": [{"state": "begun", "expires_at": LATER}],
        "incidents": _incidents(),
        "incident_texts": [
            {**case_row, "field": field, "text": "He keeps “posting” — ünïcode\n\ttoo"}
            for field in ("what_happened", "done_already", "where", "link")
        ],
        "case_notes": _one_each(
            "kind", "handed_on", "outcome", "opened", "kept", **case_row, person_id="person-2", at=NOW, text="Both seen."
        ),
        "case_entries": _entries(),
        **_course(),
        "participants": _one_each("role", "target", "alleged_perpetrator", "witness", "other", **case_row, name="Bea"),
        "typed_names": [{"school": "oak", "token": b"\x00mark", "incident_id": case_row["incident_id"]}],
        "exclusions": [
            {**case_row, "person_id": "person-1", "why": "named", "participant_id": "role-target"},
            {**case_row, "person_id": "person-2", "why": "possible"},
            {**case_row, "person_id": "person-3", "why": "dismissed", "settled_by": "person-2", "settled_at": NOW},
        ],
        "alerts": _alerts(),
        "summonses": [
            {"alert_id": "alert-open", "person_id": "person-2", "round": n, "role": "dsl", "why": why, "at": NOW}
            for n, why in enumerate(("first", "climbed", "handed_on", "stands_in"))
        ],
        "openings": [
            {**case_row, "id": "opening", "school": "oak", "person_id": "person-2", "role": "dsl", "at": NOW, "until": LATER}
        ],
        "keepings": _keepings(),
        "asked": [
            {"id": p, "school": "oak", "platform": p, "user_id": "U1", "text": "May I?", "at": NOW, "expires_at": LATER}
            for p in ("slack", "teams", "console")
        ],
        "gaps": [
            {"id": "gap-1", "school": "oak", "kind": "not_covered", "text": "Drones?", "at": NOW},
            {
                "id": "gap-2",
                "school": "oak",
                "kind": "misread",
                "text": "",
                "at": NOW,
                "settled_at": NOW,
                "settled_by": "person-2",
            },
        ],
        "requests": [
            {**request, "id": "request-asked", "reference": "Q-1"},
            {**request, "id": "request-1", "reference": "Q-2", "decision": "granted", **decided, "asker_platform": "teams"},
            {**request, "id": "request-2", "reference": "Q-3", "decision": "refused", **decided, "asker_platform": "console"},
            {**request, "id": "request-3", "reference": "Q-4", "decision": "told", **decided, "kind": "question"},
        ],
        "handovers": [handover, {**handover, "id": "handover-2", "received_at": NOW, "received_by": "person-2"}],
        "exports": [
            {
                **page,
                "id": "page-1",
                "file": "1.html",
                "kind": "subject",
                "made_by": "person-1",
                "cases": ["incident-reported"],
            },
            {**page, "id": "page-2", "file": "2.html", "kind": "handover"},
            *({**page, "id": f"page-{e}", "file": e, "kind": "subject", "ended": e, "ended_at": NOW} for e in PageEnd),
        ],
        "breaches": _breaches(),
        "register_records": _register_records(),
        "register_versions": _register_versions(),
        "submissions": _submissions(),
        "submission_versions": _submission_versions(),
        "signers": [
            {"id": "signer-1", "school": "oak", "person_id": "person-1", "reminded": 1, "told_at": NOW, "next_at": LATER},
        ],
        "signings": _signings(),
        "given_signatures": [
            {
                "id": "given-1",
                "school": "oak",
                "signing_id": "signing-2",
                "number": 1,
                "person_id": "person-1",
                "by_id": "person-2",
                "at": NOW,
                "version": "1",
                "sealed": b"x",
            }
        ],
        "duties": _duties(),
        "consents": _consents(),
        "consent_versions": _consent_versions(),
        "figures": _figures(),
        "surveys": _surveys(),
        "survey_counts": [
            {"survey_id": "survey-open", "question": q, "choice": c, "times": 7} for q, c in (("", ""), ("a", "b"))
        ],
        "survey_sends": [{"survey_id": "survey-open", "page": "0" * 64}],
        "deliveries": _deliveries(),
        "timers": [
            {
                **case_row,
                "id": f"{kind}-{state}",
                "school": "oak",
                "kind": kind,
                "alert_id": "alert-open",
                "entry_id": f"entry-{kind}" if kind in ("action", "block") else None,
                "due_at": NOW,
                "state": state,
            }
            for kind in ("climb", "remind", "action", "sign_off", "review", "block")
            for state in ("pending", "done", "cancelled")
        ],
        "audit": _audit(),
        "audit_heads": [
            {"school": "oak", "seq": 2, "way": way, "at": NOW, "hash": "0" * 64, "key": "k", "signature": "s", "next_at": NOW}
            for way in ("folder", "mail")
        ],
        "drafts": [
            {
                **account,
                "id": f"draft-{p}-{s}",
                "platform": p,
                "state": s,
                "filled": {"what": ["x"]},
                "changed_at": NOW,
                "expires_at": LATER,
            }
            for p, s in (("slack", "open"), ("teams", "submitted"), ("console", "discarded"))
        ],
        "seen_events": [{"platform": "slack", "event_id": "Ev1", "at": NOW}],
        "console_messages": [{"place": "safeguarding", "at": NOW, "changed": True, "body": {"title": "x"}}],
    }


async def fill(connection: AsyncConnection) -> dict[str, Table]:
    """Writes what the schema of the moment has room for, and sees to it that it is something of everything."""
    found, words = await tables_of(connection), await vocabularies(connection)
    written: dict[tuple[str, str], set[str]] = {place: set() for place in words}
    assert set(found) <= set(everything()), "a table has no rows here"
    for name, rows in everything().items():
        table = found.get(name)
        if table is None:
            continue
        taken = [row for row in rows if _fits(row, table, words)]
        assert taken, name
        for row in taken:
            values = {c: _stored(connection, value) for c, value in row.items() if c in table.c}
            await connection.execute(table.insert().values(values))
            for column, value in values.items():
                if (name, column) in words:
                    written[name, column].add(value)
    missing = {place: words[place] - values - {None} for place, values in written.items()}
    assert not any(missing.values()), f"no row is in these states: { {k: v for k, v in missing.items() if v} }"
    return found


def _fits(row: Mapping[str, Any], table: Table, words: Mapping[tuple[str, str], set[str]]) -> bool:
    known = all(column in table.c for column, value in row.items() if value is not None)
    return known and _in_these(words, table.name, row)


def _in_these(words: Mapping[tuple[str, str], set[str]], table: str, row: Mapping[str, Any]) -> bool:
    return all(v is None or v in words.get((table, c), {v}) for c, v in row.items() if isinstance(v, str | None))


def _stored(connection: AsyncConnection, value: Any) -> Any:
    """SQLite keeps moments without a zone."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) and connection.dialect.name == "sqlite" else value


async def contents(database: Database, tables: Mapping[str, Table]) -> dict[str, list[str]]:
    """Every row, in the columns that these tables have."""
    async with database.begin(write=False) as connection:
        rows = {name: (await connection.execute(select(table))).all() for name, table in tables.items()}
    return {name: sorted(repr(tuple(row)) for row in found) for name, found in rows.items()}


@asynccontextmanager
async def filled_at(url: str, revision: str) -> AsyncIterator[tuple[Database, dict[str, Table]]]:
    """A database as a version before had it, in use."""
    database = Database(url)
    await to_revision(database, revision)
    async with database.begin() as connection:
        tables = await fill(connection)
    try:
        yield database, tables
    finally:
        await database.close()


@pytest.mark.parametrize("revision", EARLIER_ONES)
async def test_nothing_changes_hands(empty_database_url: str, revision: str) -> None:
    """A database of any earlier version, with rows in every state of every table: after the upgrade each is what it was."""
    async with filled_at(empty_database_url, revision) as (database, tables):
        before = await contents(database, tables)
        await database.migrate()
        assert await database.revision() == SCHEMA_REVISION
        assert await contents(database, tables) == before
        assert all(before.values())
        await _everything_holds(database)


@contextmanager
def pulled_at_statement(last: int | None = None) -> Iterator[list[str]]:
    """The plug is pulled after so many statements, or before the one that would note a revision. Gives what was done."""
    done: list[str] = []

    def counts(*arguments: Any) -> None:
        if len(done) == last or (last is None and arguments[2].startswith("UPDATE alembic_version")):
            raise ConnectionAbortedError
        done.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", counts)
    try:
        yield done
    finally:
        event.remove(Engine, "before_cursor_execute", counts)


@pytest.mark.parametrize("revision", tried(REVISIONS[:-1], REVISIONS[-4:-1]))
async def test_broken_off_half_way_nothing_has_happened(empty_database_url: str, revision: str) -> None:
    """The next migration, with all of it done but its name written, and in its middle; begun again, it goes through."""
    async with filled_at(empty_database_url, revision) as (database, tables):
        before = await contents(database, tables)
        with pulled_at_statement() as done, pytest.raises((ConnectionAbortedError, DatabaseTroubleError)):
            await database.migrate()
        assert any(statement.lstrip().startswith(("ALTER", "CREATE", "DROP")) for statement in done)
        with pulled_at_statement(len(done) // 2), pytest.raises((ConnectionAbortedError, DatabaseTroubleError)):
            await database.migrate()
        assert await database.revision() == revision
        assert await contents(database, tables) == before
        await database.migrate()
        assert await contents(database, tables) == before
        await _everything_holds(database)


async def _everything_holds(database: Database) -> None:
    chains = AuditChains()
    async with database.begin(write=False) as connection:
        for entry in await connection.execute(select(t.audit).order_by(t.audit.c.seq)):
            chains.follow(entry)
        if database.is_sqlite:
            assert (await connection.execute(text("PRAGMA foreign_key_check"))).all() == []
            assert (await connection.execute(text("PRAGMA integrity_check"))).scalar() == "ok"
    assert (chains.entries, chains.broken) == ({"oak": 3}, {})
    for table, values in WRONG_STATES:
        with pytest.raises(IntegrityError):
            async with database.begin() as connection:
                await connection.execute(t.metadata.tables[table].update().values(**values))


@pytest.mark.parametrize("revision", EARLIER_ONES)
async def test_what_was_under_way_goes_on(empty_database_url: str, revision: str) -> None:
    """What was due is sent, a lease that has run out is taken again and marked, one that has not is left; timers ring."""
    async with filled_at(empty_database_url, revision) as (database, tables):
        timers = tables["timers"]
        async with database.begin(write=False) as connection:
            pending = set(await connection.scalars(select(timers.c.id).where(timers.c.state == "pending")))
        await database.migrate()
        outbox = Outbox(database)
        taken = {d.id: d for d in await outbox.lease(NOW, LEASE, 50, SLACK, a_lane=8)}
        assert set(taken) - {"decided"} == {"due", "to change", "lost"}
        assert {d.id for d in taken.values() if d.uncertain} == {"lost"}
        assert {d.message_id for d in taken.values() if d.id != "decided"} == {None, "C1/17.5"}
        assert all([await outbox.sent(d, d.message_id or "C1/18") for d in taken.values()])
        due = await outbox.due_timers(NOW, 50, ["oak"])
        assert {timer.kind for _, timer in due} >= {TimerKind.CLIMB, TimerKind.REMIND}
        assert {timer.id for _, timer in due} == pending
        later = {d.id for d in await outbox.lease(LATER + timedelta(seconds=1), LEASE, 50, SLACK, a_lane=8)}
        assert later == {"put off", "on its way"}


@pytest.mark.parametrize("revision", LATELY)
async def test_down_and_up_again(empty_database_url: str, revision: str) -> None:
    """Back to a version before, with everything but what that one cannot know; and up again."""
    async with filled_at(empty_database_url, SCHEMA_REVISION) as (database, new):
        wanted = {name: len(rows) for name, rows in (await contents(database, new)).items()}
        await to_revision(database, revision)
        assert not await database.ready()
        async with database.begin(write=False) as connection:
            tables, words = await tables_of(connection), await vocabularies(connection)
        before = await contents(database, tables)
        unheard = {name: sum(not _in_these(words, name, row) for row in everything()[name]) for name in tables}
        assert {name: len(rows) for name, rows in before.items()} == {name: wanted[name] - unheard[name] for name in tables}
        await database.migrate()
        assert await contents(database, tables) == before
        await _everything_holds(database)


@pytest.mark.parametrize("revision", LATELY)
async def test_the_version_before_works_on_while_this_one_takes_over(empty_database_url: str, revision: str) -> None:
    """A rolling upgrade: both at work on the new schema. What the old one writes is taken, and the new one sends it."""
    async with filled_at(empty_database_url, revision) as (database, old):
        await database.migrate()
        outbox, d = Outbox(database), old["deliveries"].c
        template = next(row for row in _deliveries() if row["id"] == "due")
        async with database.begin() as connection:
            for n in range(3):
                row = {**template, "id": f"of the old one {n}", "address_id": "U-same"}
                values = {c: _stored(connection, v) for c, v in row.items()}
                await connection.execute(old["deliveries"].insert().values(values))
            await connection.execute(
                old["timers"]
                .insert()
                .values(
                    id="of the old one",
                    school="oak",
                    kind="climb",
                    incident_id="incident-reported",
                    alert_id="alert-open",
                    due_at=_stored(connection, NOW),
                    state="pending",
                )
            )
        await _old_sends(database, old, "of the old one 0")
        taken = {x.id: x for x in await outbox.lease(NOW, LEASE, 50, SLACK, a_lane=8)}
        assert {x for x in taken if x.startswith("of the old")} == {"of the old one 1", "of the old one 2"}
        assert await outbox.sent(taken["of the old one 1"], "C1/19")
        assert any(timer.id == "of the old one" for _, timer in await outbox.due_timers(NOW, 50, ["oak"]))
        # The old one changes what the new one has sent: the new one changes it where it stands.
        async with database.begin() as connection:
            await connection.execute(
                old["deliveries"]
                .update()
                .where(d.id == "of the old one 1")
                .values(revision=d.revision + 1, state="pending", next_at=_stored(connection, NOW), attempts=0)
            )
        (again,) = await outbox.lease(NOW, LEASE, 50, SLACK, a_lane=8)
        assert (again.id, again.message_id, again.uncertain) == ("of the old one 1", "C1/19", False)
        assert await outbox.sent(again, "C1/19")
        # And what the old one had in its hand when it was stopped is taken when its lease is over, and marked.
        assert await _old_takes(database, old, "put off") == "leased"
        (lost,) = [x for x in await outbox.lease(LATER + 2 * LEASE, LEASE, 50, SLACK, a_lane=8) if x.id == "put off"]
        assert lost.uncertain


async def _old_takes(database: Database, old: Mapping[str, Table], name: str) -> str:
    """As the version before leased a message."""
    d = old["deliveries"].c
    async with database.begin() as connection:
        now = _stored(connection, LATER)
        free = or_(d.state == "pending", and_(d.state == "leased", d.leased_until <= now))
        due = select(d.id).where(free, d.next_at <= now, d.id == name)
        taken = await connection.execute(
            old["deliveries"]
            .update()
            .where(d.id.in_(due.with_for_update(skip_locked=True)))
            .values(state="leased", leased_until=now + LEASE, attempts=d.attempts + 1)
            .returning(d.state)
        )
        return str(taken.scalar_one())


async def _old_sends(database: Database, old: Mapping[str, Table], name: str) -> None:
    """As the version before took a message and wrote that it was sent."""
    assert await _old_takes(database, old, name) == "leased"
    d = old["deliveries"].c
    async with database.begin() as connection:
        await connection.execute(
            old["deliveries"]
            .update()
            .where(d.id == name, d.state == "leased")
            .values(
                leased_until=None,
                message_id="C1/20",
                shown_revision=3,
                state=case((d.revision == 3, "sent"), else_="pending"),
                attempts=0,
                trouble="",
            )
        )
    async with database.begin(write=False) as connection:
        assert (await connection.execute(select(d.state).where(d.id == name))).scalar_one() == "sent"
