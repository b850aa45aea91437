"""`esafety doctor`: looks at everything that must be right before the bot can be relied on, and says how to mend what is not.

It changes nothing, and prints no token, no name and no case: roles, places in the school file, and the e-mail addresses in it.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import product
from pathlib import Path

from bot.exports import in_folder
from bot.head_keeper import existing_key, ways
from bot.settings import DEMO_SCHOOLS, Settings, SettingsError, load_settings
from domain.access import LEADS, SURVEY_RUNNERS, TECHNICAL
from domain.agencies import unfilled
from domain.audience import Rung, ladder, may_follow
from domain.exports import UNWRITTEN
from domain.incident import STILL_SHOWN
from domain.people import GROUP_OF, Group, Holders, Kind, Person, Platform, School, Staff
from domain.policy import Policy
from domain.retention import YEARS, shorter_than_guidance, years_of
from domain.routing import Facts, route
from domain.signing import signers
from domain.signings import signed_otherwise
from domain.words import About, Role
from handlers.exports import is_missing
from storage.audit_heads import Heads, HeadsStanding
from storage.database import Database, DatabaseUrlError
from storage.outbox import GivenUp, Outbox, Resting
from storage.policy_files import PolicyFileError
from storage.school_files import SchoolFileError, load_schools
from storage.store import Store

_MOST_NAMED = 5
_MOST_SURVEYS = 200
_CALENDAR_ENDS_SOON = timedelta(days=30)
_MAKE_DATABASE = "esafety people import makes it and brings it up to date, and so does every start (make run)"


class Level(StrEnum):
    """How bad a finding is. Only a fault makes the doctor's exit code 1."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's. `mend` says what to do about a warning or a fault."""

    level: Level
    what: str
    mend: str = ""

    def __str__(self) -> str:
        said = f"{self.what} -> {self.mend}" if self.mend else self.what
        return f"{self.level:8} {' '.join(said.split())}"


@dataclass(frozen=True, slots=True)
class Lists:
    """A school's lists as the database has them; `left` are the e-mails of staff who are no longer on the list.

    `surveys`: how many take answers now. `reworded`: how many have signed another text of an agreement than its version
    has now, by the agreement's id. `dropped`: how many requests are open of types that the policy has no more.
    """

    staff: Staff
    pupils: int
    left: frozenset[str] = frozenset()
    surveys: int = 0
    reworded: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Tally:
    counts: dict[Level, int] = field(default_factory=lambda: dict.fromkeys(Level, 0))

    @property
    def summary(self) -> str:
        faults, warnings = self.counts[Level.FAULT], self.counts[Level.WARNING]
        if not faults and not warnings:
            return "Everything is as it should be."
        said = f"{faults or 'No'} fault{'s' * (faults != 1)}, {warnings or 'no'} warning{'s' * (warnings != 1)}."
        return f"{said} Mend the faults before the bot is relied on." if faults else said


async def examine() -> int:
    """Prints what is found, a line each, and a summary. 0 where there is no fault, else 1."""
    tally = _Tally()
    async for finding in _findings():
        tally.counts[finding.level] += 1
        print(finding, flush=True)
    print(tally.summary)
    return int(tally.counts[Level.FAULT] > 0)


async def _findings() -> AsyncIterator[Finding]:
    """Everything, from the ground up. What cannot be judged because something under it is broken is left out."""
    try:
        settings = load_settings()
    except SettingsError as wrong:
        yield Finding(
            Level.FAULT,
            f"settings: {wrong}",
            "set it in .env; docs/install-slack.md and docs/install-teams.md show where each value is found",
        )
        return
    yield Finding(Level.OK, "settings: complete")
    try:
        schools = load_schools(settings.schools_folder)
    except (SchoolFileError, PolicyFileError) as wrong:
        yield Finding(Level.FAULT, f"school files: {wrong}", "docs/example-school.yaml explains every line")
        schools = {}
    for school in schools.values():
        yield Finding(Level.OK, f"{school.id}: the school file and the policy {school.policy.id} can be read")
    if any(s.survey_address for s in schools.values()):
        for finding in check_doors(settings, schools):
            yield finding
    demo = settings.schools_folder == DEMO_SCHOOLS
    found, lists = await _database_and_lists(settings, schools, demo=demo)
    for finding in found:
        yield finding
    for school in schools.values():
        for finding in _school(school, lists.get(school.id), demo=demo):
            yield finding
    async for finding in _chats(settings, schools, lists):
        yield finding
    async for finding in _mail(settings):
        yield finding


async def _chats(
    settings: Settings, schools: Mapping[str, School], lists: Mapping[str, Lists | None]
) -> AsyncIterator[Finding]:
    if not settings.has_slack and not settings.has_teams:
        yield Finding(Level.OK, "Slack and Teams: not set up, so only the console on this machine is served")
    # The chats' libraries take a while to load: nobody who does not use them should wait.
    if settings.has_slack:
        from bot.slack.doctor import examine_slack

        async for finding in examine_slack(settings, schools, lists):
            yield finding
    if settings.has_teams:
        from bot.teams.doctor import examine_teams

        async for finding in examine_teams(settings, schools, lists):
            yield finding


async def _mail(settings: Settings) -> AsyncIterator[Finding]:
    server = settings.mail_server
    if server is not None:
        from bot.mail.doctor import examine_mail

        yield await examine_mail(server, settings.mail_from)
    elif settings.has_slack or settings.has_teams:
        yield Finding(
            Level.WARNING,
            "e-mail: no mail server: what no chat can deliver is seen only by those who look at the queue or the metrics",
            "set ESAFETY_SMTP_URL and ESAFETY_MAIL_FROM if the school has one",
        )


# The database


async def _database_and_lists(
    settings: Settings, schools: Mapping[str, School], *, demo: bool
) -> tuple[list[Finding], dict[str, Lists | None]]:
    """What is to be said of the database, and each school's lists where they can be read."""
    try:
        database = Database(settings.database_url, settings.key_source)
    except DatabaseUrlError as wrong:
        return [Finding(Level.FAULT, f"database: {wrong}", "set it in .env")], {}
    try:
        # The demo makes its own database and people at the first start; a school must see to both.
        unready = Level.WARNING if demo else Level.FAULT
        found = [_sqlite(database, unready)] if database.is_sqlite else []
        if all(f.level is Level.OK for f in found):
            found.append(await _answers(database, unready))
        if all(f.level is Level.OK for f in found):
            found.append(await _keys(database))
        if any(f.level is not Level.OK for f in found):
            return found, {}
        found += _given_up(await Outbox(database).given_up())
        found += unserved_messages(await Outbox(database).unserved(settings.platforms))
        found += resting(await Outbox(database).resting(schools))
        found += check_heads(settings, schools, await Heads(database).standing())
        store = Store(database)
        folder = await asyncio.to_thread(check_exports_folder, settings.exports_folder)
        found.append(folder)
        if folder.level is not Level.FAULT:
            found += [f async for f in _pages(settings.exports_folder, store, schools)]
        return found, {s.id: await _lists(store, s) for s in schools.values()}
    finally:
        await database.close()


def _sqlite(database: Database, unready: Level) -> Finding:
    """Whether the file is where one can be, without making it."""
    file = Path(database.url.database or "")
    folder = next((f for f in file.absolute().parents if f.exists()), Path("/"))
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK) or (file.exists() and not os.access(file, os.W_OK)):
        mend = "let the user the bot runs as write in that folder, or set another ESAFETY_DATABASE_URL"
        return Finding(Level.FAULT, f"database: {file} cannot be written in {folder}", mend)
    if not file.exists():
        return Finding(unready, f"database: {file} is not there yet, so people and roles cannot be checked", _MAKE_DATABASE)
    return Finding(Level.OK, f"database: {file} can be written")


async def _answers(database: Database, unready: Level) -> Finding:
    try:
        async with database.begin(write=False):
            pass
    except Exception as trouble:  # noqa: BLE001 - each driver has its own errors, and all of them mean the same here
        why = str(getattr(trouble, "orig", None) or trouble).partition("\n")[0].rpartition(">: ")[2]
        mend = "start the database server, and check ESAFETY_DATABASE_URL: user, password, host, port, database"
        return Finding(Level.FAULT, f"database: does not answer ({why or type(trouble).__name__})", mend)
    if not await database.ready():
        what = "database: its tables are not those of this version, so people and roles cannot be checked"
        return Finding(unready, what, _MAKE_DATABASE)
    return Finding(Level.OK, "database: answers, and its tables are up to date")


async def _keys(database: Database) -> Finding:
    """Whether the key ring opens what is sealed."""
    if trouble := await database.vault.trouble():
        return Finding(Level.FAULT, f"keys: {trouble}", "put the missing key back; without it nobody can read what is under it")
    return Finding(Level.OK, "keys: the key ring opens what is sealed")


def _given_up(found: Sequence[GivenUp]) -> list[Finding]:
    """Messages that nobody got, or that nobody can take away. The code is the platform's own word for why, or ours."""
    standing = [
        Finding(
            Level.FAULT,
            f"{g.school}: {g.count} alert{'s stand' if g.count != 1 else ' stands'} on {g.platform} before somebody who is shut"
            f" out, and can be neither changed nor deleted ({g.trouble.partition('.')[2]});"
            f" the newest is of {g.newest:%d %b %Y, %H:%M} UTC",
            "the queues of those who answer name the cases: have an administrator who is not named in them delete the message",
        )
        for g in found
        if g.trouble.startswith(f"{STILL_SHOWN}.")
    ]
    return standing + [
        Finding(
            Level.WARNING,
            f"{g.school}: {g.count} message{'s' * (g.count != 1)} could not be delivered by {g.platform} ({g.trouble});"
            f" the newest is of {g.newest:%d %b %Y, %H:%M} UTC",
            "the queues of those who answer name the cases: tell them by mouth, and mend what the code says",
        )
        for g in found
        if not g.trouble.startswith(f"{STILL_SHOWN}.")
    ]


def unserved_messages(found: Sequence[tuple[str, Platform, int]]) -> list[Finding]:
    """Messages that wait for a platform that is not set up: each school's, with how many."""
    return [
        Finding(
            Level.WARNING,
            f"{school}: {count} message{'s wait' if count != 1 else ' waits'} for {platform}, which is not set up any more",
            "set it up again, or they are given up after three days; the queues of those who answer name the cases",
        )
        for school, platform, count in found
    ]


def resting(found: Sequence[Resting]) -> list[Finding]:
    """What waits of schools that are not served any more."""
    mend = "put the school's file back, and what waits goes on; nobody is reminded of its cases until then"
    return [Finding(Level.WARNING, f"{r}", mend) for r in found]


def check_heads(settings: Settings, schools: Mapping[str, School], standing: Sequence[HeadsStanding]) -> Iterator[Finding]:
    """Whether the audit's heads go out to somewhere, and arrive."""
    try:
        existing_key(settings)
    except SettingsError as wrong:
        yield Finding(Level.FAULT, f"audit: {wrong}", "put the key back; a new one cannot vouch for what the old one signed")
    for h in standing:
        if h.waiting and h.trouble and h.since is not None:
            heads = f"{h.waiting} signed head{'s' * (h.waiting != 1)} of the audit"
            mend = "let the bot write in ESAFETY_AUDIT_HEADS, and check the mail server and audit_heads in the school file"
            what = f"{h.school}: {heads} cannot go out by {h.way} ({h.trouble}), the oldest of {h.since:%d %b %Y, %H:%M} UTC"
            yield Finding(Level.WARNING, what, mend)
    for school in schools.values() if settings.has_slack or settings.has_teams else ():
        if school.heads_mail and settings.mail_server is None:
            mend = "set ESAFETY_SMTP_URL and ESAFETY_MAIL_FROM"
            yield Finding(Level.WARNING, f"{school.id}: audit_heads has an address, and there is no mail server", mend)
        elif not ways(settings, school):
            what = f"{school.id}: no head of the audit leaves this machine, so that it could be rewritten as a whole, unseen"
            yield Finding(Level.WARNING, what, "set ESAFETY_AUDIT_HEADS, or audit_heads in the school file: docs/audit.md")


def check_exports_folder(folder: Path) -> Finding:
    """Whether sealed pages can be put where they are to lie, and who else may look there."""
    nearest = next(f for f in (folder.absolute(), *folder.absolute().parents) if f.exists())
    if not nearest.is_dir() or not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        mend = "let the user the bot runs as write there, or set another ESAFETY_EXPORTS"
        return Finding(Level.FAULT, f"exports: {folder} cannot be used, so that nothing can be taken out for anybody", mend)
    if folder.exists() and folder.stat().st_mode & 0o077:
        what = f"exports: others on this machine may look into {folder}: how many pages there are, and of which days"
        return Finding(Level.WARNING, what, f"chmod 700 {folder}, or see that those others are whoever fetches pages")
    return Finding(Level.OK, f"exports: sealed pages that are taken out lie in {folder}")


async def _pages(folder: Path, store: Store, schools: Mapping[str, School]) -> AsyncIterator[Finding]:
    """Sealed pages that are not where they should be, or are where they should not be."""
    now = datetime.now(UTC)
    for school in schools.values():
        there = await in_folder(school, folder)
        async with store.transaction(school, write=False) as records:
            pages = await records.pages(there.keys())
        for page in pages:
            over = now - (page.ended_at or page.ends_at)
            if is_missing(page, there, now):
                what = f"{school.id}: the page {page.file} is not in {folder}, though its time is not over"
                yield Finding(
                    Level.WARNING, what, "give every process the same folder; if it was deleted by hand: esafety exports delete"
                )
            elif page.file in there and over > UNWRITTEN:
                what = f"{school.id}: the page {page.file} is still in {folder}, {over.days} days after its end"
                yield Finding(
                    Level.WARNING, what, "esafety exports list says why; the bot deletes what nothing holds while it runs"
                )


async def _lists(store: Store, school: School) -> Lists:
    now = datetime.now(UTC)
    async with store.transaction(school, write=False) as records:
        listed = await records.listed(Kind.STAFF)
        pupils = await records.listed(Kind.PUPIL)
        staff = await records.staff()
        surveys = await records.surveys(most=_MOST_SURVEYS)
        agreements = school.agreements.values()
        texts = {a.id: signed_otherwise(a, await records.signed_texts(a.id, a.version, now)) for a in agreements}
        dropped = await records.dropped_submissions(list(school.policy.requests))
    left = frozenset(email for email, (_, active) in listed.items() if not active)
    reworded = {agreement: count for agreement, count in texts.items() if count}
    listed_pupils, open_surveys = sum(active for _, active in pupils.values()), sum(s.is_open(now) for s in surveys)
    return Lists(staff, listed_pupils, left, open_surveys, reworded, dropped)


# One school


def _school(school: School, lists: Lists | None, *, demo: bool) -> Iterator[Finding]:
    today = datetime.now(school.calendar.timezone).date()
    yield from check_review(school, today)
    yield from check_calendar(school, today)
    yield from check_retention(school)
    yield from check_phones(school)
    yield from check_agencies(school)
    if lists is None:
        return
    yield from check_people(school, lists, demo=demo)
    yield from check_survey_page(school, lists)
    yield from check_reworded(school, lists)
    yield from check_dropped(school, lists)
    if not any(lists.staff):
        return
    alerted = alerted_roles(school.policy)
    yield from check_holders(school, lists, alerted)
    yield from check_unheld(school, lists.staff, alerted)
    yield from check_groups(school, lists.staff, alerted)
    yield from check_chains(school, lists.staff)
    yield from check_alone(school, lists.staff, alerted)
    yield from check_same_person(school, lists.staff, alerted)
    yield from check_sign_off(school, lists.staff, alerted)
    yield from check_consent(school, lists.staff)
    yield from check_survey_runners(school, lists)
    yield from check_gap_readers(school, lists.staff)


def check_review(school: School, today: date) -> Iterator[Finding]:
    """Whether the policy's own review date is past."""
    due = school.policy.review_due
    if due is not None and due < today:
        yield Finding(
            Level.WARNING,
            f"{school.id}: the policy was due for review on {due}",
            f"have it reviewed, then set review_due in {_home(school)}/policy.yaml",
        )


def check_calendar(school: School, today: date) -> Iterator[Finding]:
    """Whether the school file still says when there is school: what it does not know counts as a school day."""
    until = school.calendar.known_until()
    if until is None or until - today > _CALENDAR_ENDS_SOON:
        return
    ended, listed = until < today, "the last term" if school.calendar.terms else "the last day closed"
    after = "since then" if ended else "after that"
    every = "every weekday counts as a school day" if school.calendar.terms else "no holiday is known"
    yield Finding(
        Level.WARNING,
        f"{school.id}: {listed} in the school file {'ended' if ended else 'ends'} on {until}; {after} {every}",
        f"add the next {'terms under terms' if school.calendar.terms else 'holidays under closed'} in {school.id}.yaml",
    )


def check_retention(school: School) -> Iterator[Finding]:
    """Whether records are kept for as long as guidance asks."""
    for kind in shorter_than_guidance(school):
        yield Finding(
            Level.WARNING,
            f"{school.id}: {kind} records are kept for {years_of(school, kind)} years, and guidance asks for {YEARS[kind]}",
            f"take {kind} out of retention in {school.id}.yaml, or write down in the retention schedule why it is shorter",
        )


def check_phones(school: School) -> Iterator[Finding]:
    """Whether whoever cannot report, because the bot is out of order, is told whom to phone."""
    if not school.phones:
        yield Finding(
            Level.WARNING,
            f"{school.id}: no telephone number, so that a report that cannot be received does not say whom to phone",
            f"give phones.dsl in {school.id}.yaml",
        )


def check_agencies(school: School) -> Iterator[Finding]:
    """Whether the school has given the numbers of the agencies near it."""
    if missing := [a.id for a in unfilled(school.policy.guidance.agencies, school.agencies)]:
        yield Finding(
            Level.WARNING,
            f"{school.id}: no way given to {', '.join(missing)}, so that cases can only say that it is not filled in",
            f"give them under agencies in {school.id}.yaml",
        )


def check_people(school: School, lists: Lists, *, demo: bool = False) -> Iterator[Finding]:
    """Whether the lists were imported."""
    staff = sum(1 for _ in lists.staff)
    how = f"esafety people import staff.csv pupils.csv --school {school.id}"
    if not staff and demo:
        yield Finding(Level.WARNING, f"{school.id}: the demo's people are not there yet", "they come with the first make run")
    elif not staff:
        yield Finding(Level.FAULT, f"{school.id}: there is no staff list, so nobody can be alerted", how)
    elif not lists.pupils:
        mend = f"{how} (without it names are typed, and houses are asked for)"
        yield Finding(Level.WARNING, f"{school.id}: {staff} staff, but no list of pupils", mend)
    else:
        yield Finding(Level.OK, f"{school.id}: {staff} staff and {lists.pupils} pupils are on the lists")


def check_holders(school: School, lists: Lists, alerted: frozenset[Role]) -> Iterator[Finding]:
    """Whether every e-mail that the school file gives for a role is on the staff list now."""
    wrong = False
    for email, roles in roles_by_email(school).items():
        if lists.staff.by_email(email) is not None:
            continue
        wrong = True
        why = "has left (is no longer on the staff list)" if email in lists.left else "is not on the staff list"
        yield Finding(
            Level.FAULT,
            f"{school.id}: {email} holds {some(roles)} but {why}",
            f"correct roles in {school.id}.yaml, or import a staff list that has this address",
        )
    managers = {p.line_manager for p in lists.staff if p.line_manager}
    if Role.LINE_MANAGER in alerted and (lost := [m for m in managers if not lists.staff.by_email(m)]):
        yield Finding(
            Level.WARNING,
            f"{school.id}: the staff list names line managers who are not on it: {some(sorted(lost))}",
            "correct the column line_manager in staff.csv and import it again",
        )
    if not wrong:
        yield Finding(Level.OK, f"{school.id}: everybody who holds a role is on the staff list")


def check_unheld(school: School, staff: Staff, alerted: frozenset[Role]) -> Iterator[Finding]:
    """Roles that the policy alerts, or that stand on a ladder, and that nobody holds."""
    unheld = [r for r in Role if r in alerted and not _holding(school, staff, r)]
    for role in unheld:
        others = (r for r in school.policy.ladder(role) if _holding(school, staff, r))
        stand_in = next(others, None)
        if stand_in is not None:  # with nobody at all it is a fault, and check_chains says so
            yield Finding(
                Level.WARNING,
                f"{school.id}: nobody holds {role}, which the policy alerts; {stand_in} is asked instead",
                f"give roles.{role} in {school.id}.yaml if the school has such a person",
            )
    named = dict.fromkeys(r for a in alerted for r in school.policy.ladder(a))
    idle = [r for r in Role if r in named and r not in alerted and not _holding(school, staff, r)]
    if idle:
        yield Finding(
            Level.WARNING,
            f"{school.id}: nobody holds {some(idle)}, to whom an unanswered alert would climb",
            f"give them under roles in {school.id}.yaml; until then they are passed over",
        )


def check_groups(school: School, staff: Staff, alerted: frozenset[Role]) -> Iterator[Finding]:
    """Houses and forms that have nobody of their own, where others have."""
    for role in Role:
        if role not in GROUP_OF or role not in alerted or not _holding(school, staff, role):
            continue
        group = GROUP_OF[role]
        if bare := [g for g in school.groups(group) if not staff.holders(school, role, g)]:
            yield Finding(
                Level.WARNING,
                f"{school.id}: no {role} for the {group}{'s' * (len(bare) > 1)} {some(bare)}; the next on the ladder is asked",
                f"give them under roles.{role} in {school.id}.yaml",
            )


def check_chains(school: School, staff: Staff) -> Iterator[Finding]:
    """Whether every alert finds somebody, also when the report names the headteacher and so shuts them out."""
    heads = frozenset(p.id for p in staff.holders(school, Role.HEADTEACHER))
    empty = _empty_chains(school, staff, frozenset())
    shut = {role: groups for role, groups in _empty_chains(school, staff, heads).items() if role not in empty} if heads else {}
    mend = f"give roles.chair_of_governors, or another role on its ladder, in {school.id}.yaml"
    for role, groups in empty.items():
        yield Finding(Level.FAULT, f"{school.id}: an alert for {_duty(role, groups)} reaches nobody", mend)
    for role, groups in shut.items():
        what = f"{school.id}: a report that names the headteacher reaches nobody as {_duty(role, groups)}"
        yield Finding(Level.FAULT, what, f"{mend}: a person who is not the headteacher")
    if not empty and not shut:
        yield Finding(Level.OK, f"{school.id}: every alert ends in somebody, also with the headteacher shut out")


def check_alone(school: School, staff: Staff, alerted: frozenset[Role]) -> Iterator[Finding]:
    """Whoever is the only one ever asked about something: when they are away, or named, nobody is."""
    by_person: dict[str, list[str]] = {}
    asked = _asked(school.policy, frozenset()).roles
    for role, group in _duties(school, staff, alerted):
        rungs = min((ladder(school, staff, role, group, frozenset(), only) for only in asked[role]), key=len)
        if len(rungs) == 1:
            by_person.setdefault(rungs[0].person.email, []).append(_duty(role, [group]))
    for email, duties in by_person.items():
        yield Finding(
            Level.WARNING,
            f"{school.id}: {email} is the only one ever asked for {some(duties)}",
            f"name somebody else who can be asked next under roles in {school.id}.yaml",
        )


def check_same_person(school: School, staff: Staff, alerted: frozenset[Role]) -> Iterator[Finding]:
    """Roles whose stand-in is the same person, so that the first step up is none."""
    for role in Role:
        if role not in alerted or role in GROUP_OF:
            continue
        own = set(staff.holders(school, role))
        steps = ((r, set(staff.holders(school, r))) for r in school.policy.ladder(role))
        next_step = next(((r, people) for r, people in steps if people), None)
        if own and next_step is not None and next_step[1] <= own:
            yield Finding(
                Level.WARNING,
                f"{school.id}: {role} falls back on {next_step[0]}, which the same person holds",
                f"name a second person for roles.{role} in {school.id}.yaml",
            )


def check_sign_off(school: School, staff: Staff, alerted: frozenset[Role]) -> Iterator[Finding]:
    """Whether every line that the policy has signed finds somebody of its own role, who did not deal with the case alone."""
    in_general = _signers(school, staff, frozenset())
    for role, rung in in_general.items():
        holders = list(dict.fromkeys(_holding(school, staff, role)))
        instead = f"{rung.role} is asked instead" if rung is not None else "no case is ever signed off"
        mend = f"give roles.{role} in {school.id}.yaml somebody{' else besides' if holders else ''}"
        if not holders:
            yield Finding(Level.WARNING, f"{school.id}: nobody holds {role}, which signs closed cases; {instead}", mend)
        elif rung is None or rung.role is not role:
            what = f"the only person who holds {role} signs closed cases in another role too, and nobody signs one twice"
            yield Finding(Level.WARNING, f"{school.id}: {what}; {instead}", mend)
        elif len(holders) == 1:
            yield from _signs_alone(school, staff, role, holders[0], alerted, mend)


def _signs_alone(
    school: School, staff: Staff, role: Role, holder: Person, alerted: frozenset[Role], mend: str
) -> Iterator[Finding]:
    answers = staff.roles_of(school, holder.id) & (alerted | LEADS) - TECHNICAL
    # That a head answers for some cases as the head is how it should be, as long as there is somebody to sign those.
    others, rung = [r for r in Role if r in answers - {role}], _signers(school, staff, frozenset({holder.id}))[role]
    if not answers or (rung is not None and not others):
        return
    what = f"the only person who holds {role}, which signs closed cases, answers for cases too, as {some(others or [role])}"
    instead = f"{rung.role} signs" if rung is not None else "nobody can sign"
    yield Finding(Level.WARNING, f"{school.id}: {what}; {instead} what they have dealt with alone", mend)


def _signers(school: School, staff: Staff, without: frozenset[str]) -> Mapping[Role, Rung | None]:
    """Who would be asked for each line that the policy has signed, as a case is that was closed just now."""
    found: dict[Role, Rung | None] = {}
    for line in school.policy.sign_off:
        taken = {rung.person.id for rung in found.values() if rung is not None}
        found[line.role] = next(iter(signers(school, staff, line.role, without | taken, None)), None)
    return found


# What is kept beside cases


def check_doors(settings: Settings, schools: Mapping[str, School]) -> Iterator[Finding]:
    """Whether a page that anybody may open stands beside a door that is for this machine alone: then the bot does not start."""
    from bot.wiring import check_doors as hold_doors

    try:
        hold_doors(settings, schools)
    except SettingsError as wrong:
        yield Finding(Level.FAULT, f"surveys: {wrong}", "until then the bot does not start: docs/surveys.md")


def check_reworded(school: School, lists: Lists) -> Iterator[Finding]:
    """Whether what was signed is what is signed now, under the same version."""
    for agreement, count in lists.reworded.items():
        people = f"{count} {'people' if count > 1 else 'person'}"
        yield Finding(
            Level.WARNING,
            f"{school.id}: {agreement} was changed since {people} signed it, without a new version",
            f"if it asks for something else now, give it a new version in {_home(school)}/signing.yaml: all are asked again",
        )


def check_dropped(school: School, lists: Lists) -> Iterator[Finding]:
    """Whether something is open of a type of request that the policy has no more, so that nobody answers it or ends it."""
    for kind, count in lists.dropped.items():
        are = "s are" if count > 1 else " is"
        yield Finding(
            Level.WARNING,
            f"{school.id}: {count} request{are} open of the type {kind}, which the policy has no more: nobody sees to them",
            f"put it back into {_home(school)}/requests.yaml until they are settled: they are taken up after the next start",
        )


def check_survey_page(school: School, lists: Lists) -> Iterator[Finding]:
    """Whether the links of surveys that are open lead to a page."""
    if lists.surveys and not school.survey_address:
        count = f"{lists.surveys} survey{'s are' if lists.surveys > 1 else ' is'} open"
        yield Finding(
            Level.WARNING,
            f"{school.id}: {count}, and the page on which people answer is switched off, so that the links lead nowhere",
            f"give surveys.address in {school.id}.yaml (docs/surveys.md), or close what is open in the chat",
        )


def check_survey_runners(school: School, lists: Lists) -> Iterator[Finding]:
    """Whether there is anybody who may open a survey, look at it and close it."""
    if (school.survey_address or lists.surveys) and (roles := _unheld(school, lists.staff, SURVEY_RUNNERS)):
        yield Finding(
            Level.WARNING,
            f"{school.id}: nobody holds {roles}, who run surveys, so that none can be opened, looked at or closed",
            f"give one of them under roles in {school.id}.yaml",
        )


def check_consent(school: School, staff: Staff) -> Iterator[Finding]:
    """Whether there is anybody who keeps the register of consent."""
    terms = school.policy.consent
    if terms is not None and (roles := _unheld(school, staff, terms.keeps)):
        yield Finding(
            Level.WARNING,
            f"{school.id}: nobody holds {roles}, who keep the register of consent, so that neither a yes nor a no is recorded",
            f"give one of them under roles in {school.id}.yaml, or another under keeps in {_home(school)}/consent.yaml",
        )


def check_gap_readers(school: School, staff: Staff) -> Iterator[Finding]:
    """Whether there is anybody who sees who has not signed."""
    silent: dict[str, list[str]] = {}
    for agreement in school.agreements.values():
        if roles := _unheld(school, staff, agreement.reads):
            silent.setdefault(roles, []).append(agreement.id)
    for roles, agreements in silent.items():
        yield Finding(
            Level.WARNING,
            f"{school.id}: nobody holds {roles}, who read who has not signed {some(agreements)}, so that nobody sees it",
            f"give one of them under roles in {school.id}.yaml, or another under reads in {_home(school)}/signing.yaml",
        )


def _unheld(school: School, staff: Staff, roles: Iterable[Role]) -> str:
    """These roles, if nobody holds any of them; else nothing."""
    named = [r for r in Role if r in set(roles)]
    return "" if any(_holding(school, staff, r) for r in named) else some(named)


def _home(school: School) -> str:
    return str(school.policy.home or school.policy.id)


# What a policy can ask for


def alerted_roles(policy: Policy) -> frozenset[Role]:
    """Every role that some report under this policy alerts."""
    return frozenset(_asked(policy, frozenset()).roles)


def _every_report(policy: Policy) -> Iterator[Facts]:
    choices = product(policy.concerns, About, (None, True), (False, True), (None, True))
    return (Facts(*facts) for facts in choices)


def _empty_chains(school: School, staff: Staff, excluded: frozenset[str]) -> dict[Role | None, list[str]]:
    """The duties that would find nobody with these people shut out, with their groups; None where there is not even a duty."""
    shut = staff.fully_excluded_roles(school, excluded)
    asked = _asked(school.policy, shut)
    found: dict[Role | None, list[str]] = {} if asked.always else {None: [""]}
    for role, group in _duties(school, staff, frozenset(asked.roles)):
        if not all(ladder(school, staff, role, group, excluded, only) for only in asked.roles[role]):
            found.setdefault(role, []).append(group)
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whom a policy's alerts go to, over all reports that there can be.

    Each role stands with which roles may be asked after it: fewer in private cases than in others. `always`: no report is
    without a role.
    """

    roles: Mapping[Role, frozenset[frozenset[Role] | None]]
    always: bool


@lru_cache(maxsize=256)
def _asked(policy: Policy, shut: frozenset[Role]) -> _Asked:
    # Not by way of the routes that are kept: thousands at once would drive out those that reports ask for.
    routes = [route.__wrapped__(policy, facts, shut) for facts in _every_report(policy)]
    found: dict[Role, set[frozenset[Role] | None]] = {}
    for each in routes:
        for role in each.notify:
            found.setdefault(role, set()).add(may_follow(each.notify, private=each.private))
    return _Asked({role: frozenset(only) for role, only in found.items()}, all(each.notify for each in routes))


def _duties(school: School, staff: Staff, roles: frozenset[Role]) -> Iterator[tuple[Role, str]]:
    """Each role, and where it is held by group, each group there is besides."""
    for role in (r for r in Role if r in roles):
        yield role, ""
        if role in GROUP_OF:
            yield from ((role, group) for group in _groups(school, staff, GROUP_OF[role]))


def _groups(school: School, staff: Staff, group: Group) -> tuple[str, ...]:
    if group is Group.STAFF:
        return tuple(sorted({p.line_manager for p in staff if p.line_manager}))
    return school.groups(group)


def _holding(school: School, staff: Staff, role: Role) -> list[Person]:
    """Everybody who holds a role for anybody."""
    emails = list(school.holders.get(role, Holders()).all())
    if role is Role.LINE_MANAGER:
        emails += [p.line_manager for p in staff]
    return [p for e in emails if e and (p := staff.by_email(e))]


def roles_by_email(school: School) -> dict[str, list[Role]]:
    """Every e-mail that the school file gives, with the roles it is given for."""
    found: dict[str, list[Role]] = {}
    for role, holders in school.holders.items():
        for email in dict.fromkeys(holders.all()):
            found.setdefault(email, []).append(role)
    return found


def _duty(role: Role | None, groups: list[str]) -> str:
    if role is None:
        return "anybody"
    return str(role) if "" in groups else f"{role} of {some(groups)}"


def some(things: Sequence[str]) -> str:
    """The first few of a list, and how many more there are."""
    more = len(things) - _MOST_NAMED
    return ", ".join(things[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
