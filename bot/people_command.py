"""`esafety people import`: takes the school's lists over."""

from pathlib import Path

from bot.settings import Settings, SettingsError, load_settings
from bot.wiring import SystemClock
from domain.people import Kind, School
from storage.database import Database
from storage.people_files import PeopleFileError, Plan, carry_out, plan_import, read_people
from storage.school_files import load_schools
from storage.store import Store

_MOST_SHOWN = 20


async def import_people(files: list[Path], school_id: str | None, *, dry_run: bool) -> int:
    """Compares each file with what is kept, says what changes, and takes all of them over in one step."""
    settings = load_settings()
    school = _school(settings, school_id)
    lists = [(kind, read_people(path, kind)) for path in files for kind in [_kind(path)]]
    database = Database(settings.database_url)
    await database.migrate()
    try:
        async with Store(database).transaction(school) as records:
            plans = [await plan_import(records, kind, people) for kind, people in lists]
            for plan in plans:
                _show(plan)
                if not dry_run and plan.changes:
                    await carry_out(records, plan, SystemClock().now())
    finally:
        await database.close()
    print("Nothing was changed: this was a dry run." if dry_run else f"Done for {school.name}.")
    return 0


def _show(plan: Plan) -> None:
    counts = ", ".join(f"{plan.count(what)} {what}" for what in ("added", "changed", "removed"))
    print(f"{plan.kind}: {counts}, {plan.same} as before")
    for change in plan.changes[:_MOST_SHOWN]:
        print(f"  {change.what:8} {change.person.name} ({change.key})")
    if len(plan.changes) > _MOST_SHOWN:
        print(f"  ... and {len(plan.changes) - _MOST_SHOWN} more")


def _kind(path: Path) -> Kind:
    name = path.name.casefold()
    if ("staff" in name) == ("pupil" in name):
        raise PeopleFileError(f"{path}: the file's name must say whom it lists: staff.csv or pupils.csv")
    return Kind.STAFF if "staff" in name else Kind.PUPIL


def _school(settings: Settings, school_id: str | None) -> School:
    schools = load_schools(settings.schools_folder)
    if school_id is None and len(schools) == 1:
        return next(iter(schools.values()))
    if school_id not in schools:
        raise SettingsError(f"say which school with --school: {', '.join(schools)}")
    return schools[school_id]
