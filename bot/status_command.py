"""`esafety status`: how the bot stands, for people. It reads the database and asks the running bot, and changes nothing.

Cases show as references only. A line that begins with ! is a reason to look, and makes the exit code 1.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout
from prometheus_client.parser import text_string_to_metric_families

from bot.settings import Settings, load_settings
from domain.people import Platform, School
from domain.words import Urgency
from handlers.ports import Clock
from storage.database import Database
from storage.school_files import load_schools
from storage.watching import Standing, Watching

OLDEST_DUE_SECONDS = 300
"""What should have gone out longer ago than this is stuck."""
SILENT_SECONDS = {"worker": 60, "auditor": 180}
"""After how long without a heartbeat a part counts as stopped."""

_ASK = ClientTimeout(total=5)
_MOST_ALERTS = 20
_A_DAY = 86400


@dataclass(frozen=True, slots=True)
class Process:
    """What the running bot says of itself. `says` are the lines of /readyz; `beats` the seconds since each part was heard."""

    address: str
    runs: bool
    ready: bool = False
    says: tuple[str, ...] = ()
    beats: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """Something to say. `matters`: a reason to look."""

    text: str
    matters: bool = False

    def __str__(self) -> str:
        return f"{'!' if self.matters else ' '} {self.text}"


@dataclass(frozen=True, slots=True)
class Status:
    """All of it at one moment. `standing` is None where the database could not be read; `missing`: there is none yet.

    `served`: the platforms that are set up.
    """

    now: datetime
    process: Process
    database: str
    standing: Standing | None
    missing: bool
    schools: dict[str, str]
    served: frozenset[Platform]

    @property
    def lines(self) -> list[Line]:
        """What is printed."""
        return [*self._of_the_process(), *self._of_the_records()]

    @property
    def is_well(self) -> bool:
        """Whether nothing is a reason to look."""
        return not any(line.matters for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        s = self.standing
        return {
            "well": self.is_well,
            "at": self.now.isoformat(),
            "matters": [line.text for line in self.lines if line.matters],
            "process": {
                "address": self.process.address,
                "runs": self.process.runs,
                "ready": self.process.ready,
                "says": list(self.process.says),
                "beat_age_seconds": self.process.beats,
            },
            "database": {"where": self.database, "answers": s is not None}
            | ({"revision": s.revision, "bytes": s.size} if s is not None else {}),
            "deliveries": [
                {"platform": w.platform, "state": w.state, "count": w.count, "due": w.due, "oldest_due": _iso(w.oldest)}
                for w in (s.live.waiting if s else ())
            ],
            "resting": [{"school": r.school, "messages": r.messages, "timers": r.timers} for r in (s.resting if s else ())],
            "timers": {"due": s.live.timers_due, "oldest_due": _iso(s.live.oldest_timer)} if s else None,
            "dead": [
                {"platform": d.platform, "code": d.trouble, "count": d.count, "of_open_cases": d.open}
                for d in (s.dead if s else ())
            ],
            "unanswered": [
                {"urgency": u.urgency, "count": u.count, "late": u.late, "late_since": _iso(u.oldest)}
                for u in (s.live.unanswered if s else ())
            ],
            "alerts": [
                {"school": a.school, "reference": a.reference, "urgency": a.urgency, "role": a.role, "due": _iso(a.due_at)}
                for a in (s.alerts if s else ())
            ],
            "open_cases": dict(s.open_cases) if s else None,
            "comparing": [{"school": c.school, "done": c.done, "of": c.of} for c in (s.comparing if s else ())],
            "audit_heads": [
                {
                    "school": h.school,
                    "way": h.way,
                    "last": _iso(h.last),
                    "waiting": h.waiting,
                    "since": _iso(h.since),
                    "code": h.trouble,
                }
                for h in (s.heads if s else ())
            ],
            "pages": [{"school": p, "count": n, "first_ends": _iso(end)} for p, (n, end) in (s.pages.items() if s else ())],
        }

    def _of_the_process(self) -> Iterator[Line]:
        p = self.process
        if not p.runs:
            yield Line(f"no bot is running at {p.address}: nothing is sent, and nobody is answered", matters=True)
            return
        yield Line(f"the bot at {p.address} is {'ready' if p.ready else 'not ready'}", matters=not p.ready)
        for said in p.says:
            yield Line(f"  it says: {said}", matters=not p.ready)
        for part, age in p.beats.items():
            late = age > SILENT_SECONDS[part]
            yield Line(f"{part}: last heard of {_span(age)} ago{': it has stopped' if late else ''}", matters=late)

    def _of_the_records(self) -> Iterator[Line]:
        s = self.standing
        if s is None:
            why = (
                "there is none yet: `esafety run` makes it" if self.missing else "it does not answer, or has no tables of ours"
            )
            yield Line(f"database: {self.database}: {why}", matters=True)
            return
        yield Line(f"database: {self.database}, revision {s.revision}, {_bytes(s.size)}")
        yield from self._of_the_outbox(s)
        yield from self._of_the_alerts(s)
        yield from self._of_the_heads(s)
        for school, (count, end) in s.pages.items():
            over = self._age(end)
            when = f"was to be deleted {_span(over)} ago" if over > 0 else f"is deleted in {_span(-over)}"
            yield Line(f"sealed pages of {school}: {count}, the first {when}", matters=over > _A_DAY)
        for c in s.comparing:
            yield Line(f"staff list of {c.school}: the names in {c.done} of {_count(c.of, 'case')} have been compared with it")
        for school, name in self.schools.items():
            yield Line(f"school {school} ({name}): {_count(s.open_cases.get(school, 0), 'open case')}")

    def _of_the_outbox(self, s: Standing) -> Iterator[Line]:
        due = [w for w in s.live.waiting if w.due]
        if not due:
            later = sum(w.count for w in s.live.waiting)
            yield Line(f"messages: nothing is due{f'; {later} wait for another attempt' if later else ''}")
        for platform in Platform:
            waiting = sum(w.count for w in s.live.waiting if w.platform is platform)
            if waiting and platform not in self.served:
                yield Line(f"messages: {_count(waiting, 'message')} to {platform}, which is not set up", matters=True)
        for w in due:
            age = self._age(w.oldest)
            stuck = age > OLDEST_DUE_SECONDS
            yield Line(f"messages: {w.due} to {w.platform} are due ({w.state}), the oldest for {_span(age)}", matters=stuck)
        if s.live.timers_due:
            age = self._age(s.live.oldest_timer)
            stuck = age > OLDEST_DUE_SECONDS
            yield Line(f"timers: {s.live.timers_due} should have rung, the oldest {_span(age)} ago", matters=stuck)
        for r in s.resting:
            yield Line(f"resting: {r}", matters=True)
        for d in s.dead:
            of_open = f", {d.open} of them of cases that are still open, or requests" if d.open else ", of closed cases"
            yield Line(f"given up: {_count(d.count, 'message')} to {d.platform} ({d.trouble}){of_open}", matters=d.open > 0)

    def _of_the_alerts(self, s: Standing) -> Iterator[Line]:
        if not s.live.unanswered:
            yield Line("alerts: every one is acknowledged")
        for u in s.live.unanswered:
            late = f", {u.late} late, the first by {_span(self._age(u.oldest))}" if u.late else ", none late"
            matters = bool(u.late) and u.urgency is Urgency.CRITICAL
            yield Line(f"alerts: {u.count} {u.urgency} unanswered{late}", matters=matters)
        for a in s.alerts:
            over = (self.now - a.due_at).total_seconds()
            when = f"{_span(over)} late" if over > 0 else f"{_span(-over)} left"
            yield Line(f"  {a.reference} {a.urgency}, {a.role}: {when}")
        left = sum(u.count for u in s.live.unanswered) - len(s.alerts)
        if left > 0:
            yield Line(f"  and {left} more")

    def _of_the_heads(self, s: Standing) -> Iterator[Line]:
        for h in s.heads:
            last = f"the last one went out {_span(self._age(h.last))} ago" if h.last is not None else "none has gone out yet"
            age = self._age(h.since)
            stuck = age > OLDEST_DUE_SECONDS
            why = f" ({h.trouble})" if h.trouble else ""
            waits = f"; {_count(h.waiting, 'head')} waiting, the oldest for {_span(age)}{why}" if h.waiting else ""
            yield Line(f"audit heads of {h.school}, by {h.way}: {last}{waits}", matters=bool(h.waiting) and stuck)

    def _age(self, since: datetime | None) -> float:
        return (self.now - since).total_seconds() if since is not None else 0.0


async def print_status(clock: Clock, *, as_json: bool) -> int:
    """Prints how the bot stands; 0 if nothing is a reason to look, else 1."""
    settings = load_settings()
    status = await look(settings, load_schools(settings.schools_folder), clock.now())
    if as_json:
        print(json.dumps(status.as_json(), indent=2))
    else:
        print("\n".join(map(str, status.lines)))
    return 0 if status.is_well else 1


async def look(settings: Settings, schools: dict[str, School], now: datetime) -> Status:
    """Asks the database and the running bot at once."""
    database = Database(settings.database_url)
    missing = database.is_missing
    try:
        process, standing = await asyncio.gather(
            _ask(settings),
            # To look for a file that is not there would make it.
            _nothing() if missing else Watching(database, schools).standing(now, _MOST_ALERTS),
        )
    finally:
        await database.close()
    where = database.url.render_as_string(hide_password=True).replace("+aiosqlite", "").replace("+asyncpg", "")
    return Status(now, process, where, standing, missing, {s.id: s.name for s in schools.values()}, settings.platforms)


async def _nothing() -> None:
    return None


async def _ask(settings: Settings) -> Process:
    # Whoever listens everywhere listens on this machine.
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - compared, not listened on
    address = f"http://{host}:{settings.port}"
    try:
        async with ClientSession(timeout=_ASK) as session:
            async with session.get(f"{address}/readyz") as answer:
                ready, said = answer.status == 200, (await answer.text()).split("\n")
            async with session.get(f"{address}/metrics") as answer:
                beats = _beats(await answer.text()) if answer.status == 200 else {}
    except (ClientError, TimeoutError, OSError):
        return Process(address, runs=False)
    return Process(address, runs=True, ready=ready, says=tuple(line for line in said[1:] if line), beats=beats)


def _beats(page: str) -> dict[str, float]:
    ages = {f.name: f.samples[0].value for f in text_string_to_metric_families(page) if f.name.endswith("_beat_age_seconds")}
    return {part: ages[name] for part in SILENT_SECONDS if (name := f"esafety_{part}_beat_age_seconds") in ages}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _span(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return _count(int(seconds // length), unit)
    return _count(int(seconds), "second")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _bytes(size: int) -> str:
    return f"{size / 1024**2:.1f} MB"
