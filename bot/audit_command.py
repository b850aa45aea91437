"""`esafety audit`: whether the audit is as it was written, who has read what, and the key that vouches for it."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.head_keeper import existing_key, key_file
from bot.people_command import school_meant
from bot.settings import Settings, SettingsError, load_settings
from bot.wiring import SystemClock
from domain.audit import CaseReaders, Head, SignedHead
from domain.people import Kind, School
from handlers.readers_log import for_the_office
from storage.audit_keys import AuditKeyError, HeadFileError, PublicKey, heads_in, public_key
from storage.audit_verify import Chain, Flaw, follow_chains
from storage.commitments import Amiss, Unkept
from storage.database import Database
from storage.key_ring import KeyRingError
from storage.store import Store
from storage.trouble import DatabaseTroubleError

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class _Said:
    """What the heads that were given come to: those that are as signed, and a line for each that is not."""

    good: tuple[Head, ...]
    bad: tuple[str, ...]


async def verify(school: str | None, files: Sequence[Path], keys: Sequence[str]) -> int:
    """Follows the chains from the first entry to the last, and holds the cases against them if there is a key ring.

    0 where all is as it was written, else 1.
    """
    settings = load_settings()
    try:
        said = _checked(settings, files, keys)
    except (HeadFileError, AuditKeyError) as wrong:
        print(f"esafety: {wrong}", file=sys.stderr)
        return 2
    database = await open_database(settings)
    try:
        no_ring = await _why_no_ring(database)
        chains = await follow_chains(database, said.good, school, words=not no_ring)
    finally:
        await database.close()
    if not chains:
        print("esafety: there is no audit" + (f" of a school called {school!r}" if school else " yet"), file=sys.stderr)
        return 2
    for line in said.bad:
        print(f"! {line}")
    for chain in chains:
        for line in _chain_said(chain, heads_given=bool(said.good)):
            print(line)
    if no_ring:
        print(f"  what was written in the cases was not held against the audit: {no_ring}")
    return int(bool(said.bad) or any(chain.broken or chain.unkept for chain in chains))


def print_key() -> int:
    """Prints the public key. 2 where there is none yet."""
    settings = load_settings()
    key = existing_key(settings)
    if key is None:
        file = key_file(settings)
        mend = f"`esafety run` makes it, in {file}" if file is not None else "set ESAFETY_AUDIT_KEY_FILE or ESAFETY_AUDIT_KEY"
        print(f"esafety: there is no key for the audit's heads yet: {mend}", file=sys.stderr)
        return 2
    print(key.public.text)
    print(f"This is the public key {key.public.name}. Give it to whoever keeps the heads: with it anybody can check them, and")
    print("nobody can make one. `esafety audit verify --head FILE --key KEY` does it. docs/audit.md")
    return 0


async def print_readers(school_id: str | None, pupil: str) -> int:
    """Prints who has looked at each case of a pupil, by reference. That this was asked is noted in the audit."""
    settings = load_settings()
    school = school_meant(settings, school_id)
    database = await open_database(settings)
    try:
        async with Store(database).transaction(school) as records:
            known = (await records.listed(Kind.PUPIL)).get(pupil)
            if known is None:
                print(f"esafety: no pupil of {school.name} has that key in the school's list", file=sys.stderr)
                return 2
            cases = await for_the_office(records, school, known[0].id, SystemClock().now())
    finally:
        await database.close()
    for case in cases:
        for line in _readers_said(school, case):
            print(line)
    if not cases:
        print("There is no case in which that pupil was picked from the list.")
    print("Private cases are left out, and so are those in which the name was typed. That you asked is noted in the audit.")
    return 0


async def _why_no_ring(database: Database) -> str:
    """Why nothing sealed can be opened here; '' where it can."""
    try:
        return "" if await database.vault.has_ring() else "there is no key ring yet"
    except KeyRingError as no:
        return str(no)


def _checked(settings: Settings, files: Sequence[Path], given: Sequence[str]) -> _Said:
    """The heads of the files, each held against the key that is said to have signed it."""
    if not files:
        return _Said((), ())
    keys = [public_key(text) for text in given]
    if not keys:
        own = existing_key(settings)
        if own is None:
            raise AuditKeyError("give --key with the public key of the heads: there is none on this machine")
        keys = [own.public]
    good, bad = [], []
    for file in files:
        for line, signed in heads_in(file):
            why = _fault(signed, {key.name: key for key in keys})
            if why:
                bad.append(f"{file}, line {line} ({signed.head.school}, entry {signed.head.seq:,}): {why}")
            else:
                good.append(signed.head)
    return _Said(tuple(good), tuple(bad))


def _fault(signed: SignedHead, keys: dict[str, PublicKey]) -> str:
    key = keys.get(signed.key)
    if key is None:
        return f"signed with another key ({signed.key}): give that one with --key, if it was ever this bot's"
    return "" if key.has_signed(signed) else "the head was changed, or signed by somebody else"


def _chain_said(chain: Chain, *, heads_given: bool) -> Iterator[str]:
    entries = f"{chain.entries:,} {'entry' if chain.entries == 1 else 'entries'}"
    broken = chain.broken
    if broken is None:
        yield f"  {chain.school}: {entries}, each as it was written and in its place"
    else:
        yield f"! {chain.school}: {_WHAT[broken.flaw].format(seq=f'{broken.seq:,}', before=f'{broken.seq - 1:,}')}"
        if broken.head is not None:
            yield f"  the head of {_moment(broken.head.at)} says so: it vouches for entry {broken.head.seq:,}"
    if chain.agreed:
        first, last = chain.agreed[0], chain.agreed[-1]
        yield (
            f"  vouched for since {_moment(first.at)}, and up to entry {last.seq:,} by the head of {_moment(last.at)}"
            f" ({len(chain.agreed):,} in all)"
        )
    elif heads_given:
        yield "  no head that was given vouches for it"
    elif broken is None:
        yield "  no head was given: whoever can write to the database could have made all of it anew. docs/audit.md"
    if chain.unkept is not None:
        yield from _cases_said(chain.unkept)


def _cases_said(unkept: Sequence[Unkept]) -> Iterator[str]:
    if not unkept:
        yield "  what was written in its cases is as the audit has it"
    for case in unkept:
        entry = f"{case.seq:,}" if case.seq is not None else ""
        yield f"! {case.school}, {case.reference}: {_AMISS[case.amiss].format(seq=entry)}"


_WHAT = {
    Flaw.CHANGED: "entry {seq} is not as it was written: somebody has changed it",
    Flaw.DETACHED: "entry {seq} does not follow on from entry {before}: one of the two was changed or put in another's place",
    Flaw.MISSING: "entry {seq} is missing: somebody has taken it out, or given it another number",
    Flaw.CUT_OFF: "entry {seq} is missing, and all after it: the last entries were taken away, or an older backup was restored",
    Flaw.SURPLUS: "entry {seq} was not written by the bot, which has counted {before} entries",
    Flaw.REWRITTEN: "entry {seq} is not the one that was written: it, or one before it, was changed, and the chain made anew",
}


_AMISS = {
    Amiss.CHANGED: "what stands in it is not what entry {seq} vouches for: somebody has changed it or taken it away",
    Amiss.ADDED: "a note stands in it that no entry tells of: it was not written with the bot",
    Amiss.LET_IN: "somebody has it, or has opened it, and no entry says that they took it on: it was not done with the bot",
    Amiss.ERASED: "it cannot be read any more, and no entry says that it was erased",
    Amiss.GONE: "the case that entry {seq} tells of is not there: somebody has taken it out",
    Amiss.NO_KEY: "the key ring has not the key that it lies under, so that it was not looked at. docs/keys.md",
    Amiss.UNREADABLE: "what is sealed in it does not open with its key: it was changed, or belongs elsewhere",
}


def _readers_said(school: School, case: CaseReaders) -> Iterator[str]:
    yield f"{case.reference}:"
    for r in case.readers:
        roles = ", ".join(school.policy.role_title(role) for role in r.roles) or "no role"
        times = "once" if r.times == 1 else f"{r.times} times since {_moment(r.first, school.calendar.timezone)}"
        name = r.name or "somebody who is no longer on any list"
        yield f"  {_moment(r.last, school.calendar.timezone)}  {name} ({roles}), {times}"
    if case.more:
        yield f"  and {case.more} more"
    if not case.readers:
        yield "  nobody has opened it"


async def open_database(settings: Settings) -> Database:
    """The database, which must be there: to look for an SQLite file would make it.

    Raises:
        SettingsError: there is none.
        DatabaseTroubleError: it does not answer, or has the tables of another version.
    """
    database = Database(settings.database_url, settings.key_source)
    if database.is_missing:
        raise SettingsError(f"there is no database yet at {database.url.database}: see ESAFETY_DATABASE_URL")
    why = await database.why_not_ready()
    if why is not None:
        await database.close()
        raise DatabaseTroubleError(why)
    return database


def _moment(at: datetime, zone: ZoneInfo = _UTC) -> str:
    return f"{at.astimezone(zone):%d %B %Y, %H:%M %Z}"
