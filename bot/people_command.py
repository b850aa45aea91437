"""`esafety people import`: takes the school's lists over."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.settings import Settings, SettingsError, load_settings
from bot.wiring import ports_for_commands
from domain.listed import Newcomers
from domain.people import Kind, School
from domain.routing import Facts
from handlers.listed import Found, find, find_same, keep_out
from handlers.ports import Ports
from storage.database import Database
from storage.people_files import Listing, PeopleFileError, Plan, carry_out, plan_import, read_list
from storage.records import Records
from storage.school_files import load_schools
from storage.store import Store

_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What an import changes: the lists, and the cases of which somebody is kept out from now on."""

    plans: tuple[Plan, ...]
    cases: int


async def import_people(files: list[Path], school_id: str | None, *, dry_run: bool) -> int:
    """Compares each file with what is kept, says what changes, and takes all of them over in one step."""
    settings = load_settings()
    school = school_meant(settings, school_id)
    lists = [read_list(path, _kind(path)) for path in files]
    database = Database(settings.database_url, settings.key_source)
    ports = ports_for_commands(database)
    try:
        await database.migrate()
        done = await take_over(ports, database, school, lists, dry_run=dry_run)
    finally:
        await database.close()
    for plan in done.plans:
        _show(plan)
    if done.cases:
        print(f"Cases in which a name may mean somebody who is new on the list, and is kept out of them: {done.cases}")
    print("Nothing was changed: this was a dry run." if dry_run else f"Done for {school.name}.")
    return 0


async def take_over(
    ports: Ports, database: Database, school: School, lists: Sequence[Listing], *, dry_run: bool = False
) -> TakenOver:
    """Takes lists over, and with the same commit keeps whoever is new on them out of the cases that may name them.

    The names of old cases are read before the transaction that writes: there may be thousands, and whoever reports something
    must not wait for them.
    """
    store = Store(database)
    async with store.transaction(school, write=False) as records:
        before = await _look(records, school, lists, _Looked())
    if dry_run:
        return TakenOver(before.plans, len(before.concerned))
    async with store.transaction(school) as records:
        await records.hold_list(to_change=True)
        version, compared = await records.list_versions()
        looked = await _look(records, school, lists, before)
        cases = await keep_out(ports, records, school, *looked.found)
        changed = [plan for plan in looked.plans if plan.changes]
        for plan in changed:
            await carry_out(records, plan, ports.clock.now())
        # Before the first list there is nothing to hold, so that a report may have come in meanwhile: the auditor looks.
        if changed and version and version == compared:
            await records.set_compared((await records.list_versions())[0])
    return TakenOver(looked.plans, cases)


@dataclass(frozen=True, slots=True)
class _Looked:
    plans: tuple[Plan, ...] = ()
    cases: dict[str, Facts] | None = None
    found: tuple[Found, ...] = ()

    @property
    def concerned(self) -> set[str]:
        return set().union(*self.found)


async def _look(records: Records, school: School, lists: Sequence[Listing], before: _Looked) -> _Looked:
    """What the lists change, and for whom: only those cases are read that were not before, or not as they are now."""
    plans = tuple([await plan_import(records, one.kind, one.people, one.marks) for one in lists])
    newcomers = Newcomers(
        added=tuple(p for plan in plans for p in plan.newcomers.added),
        known=tuple(p for plan in plans for p in plan.newcomers.known),
    )
    cases = await records.named_cases() if newcomers else {}
    looked = before.cases if before.cases is not None and before.plans == plans else {}
    again = {id_: facts for id_, facts in cases.items() if id_ in before.concerned or looked.get(id_) != facts}
    same = [pair for plan in plans for pair in plan.same_people]
    return _Looked(plans, cases, (await find_same(records, same), await find(records, school, newcomers, again)))


def _show(plan: Plan) -> None:
    counts = ", ".join(f"{plan.count(what)} {what}" for what in ("added", "changed", "removed"))
    print(f"{plan.kind}: {counts}, {plan.same} as before")
    for change in plan.changes[:_MOST_SHOWN]:
        formerly = f", formerly {change.was_key}" if "@" in change.was_key else ""
        print(f"  {change.what:8} {change.person.name} ({change.key}{formerly})")
    if len(plan.changes) > _MOST_SHOWN:
        print(f"  ... and {len(plan.changes) - _MOST_SHOWN} more")
    for was, now in plan.perhaps_the_same:
        print(f"  {was} is removed and {now} added under the same name. If that is one person, say so: put {was} into the")
        print("  column formerly of their line, or give all staff the school's own number in the column id.")
    for email in plan.perhaps_another:
        print(
            f"  {email} has another name altogether. If that is somebody else, who was given the address, do not import this:"
        )
        print("  they would get all that the other had. Give all staff the school's own number in the column id, first with")
        print("  the list as it was, then with this one.")
    for email in plan.never_listed:
        print(f"  formerly {email}: nobody with this e-mail has been on the list")


def _kind(path: Path) -> Kind:
    name = path.name.casefold()
    if ("staff" in name) == ("pupil" in name):
        raise PeopleFileError(f"{path}: the file's name must say whom it lists: staff.csv or pupils.csv")
    return Kind.STAFF if "staff" in name else Kind.PUPIL


def school_meant(settings: Settings, school_id: str | None) -> School:
    """The school of that id; without one, the only one there is.

    Raises:
        SettingsError: there is none of that id, or several to choose from.
    """
    schools = load_schools(settings.schools_folder)
    if school_id is None and len(schools) == 1:
        return next(iter(schools.values()))
    if school_id not in schools:
        raise SettingsError(f"say which school with --school: {', '.join(schools)}")
    return schools[school_id]
