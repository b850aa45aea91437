"""`esafety consent import`: takes a list of consent over."""

from pathlib import Path

from bot.people_command import school_meant
from bot.settings import SettingsError, load_settings
from bot.wiring import SystemClock
from domain.people import School
from handlers.ports import Clock
from storage.consent_lists import ConsentPlan, carry_out_consents, plan_consents, read_consents
from storage.database import Database
from storage.store import Store

_MOST_NUMBERS = 40


async def import_consents(path: Path, school_id: str | None, *, dry_run: bool) -> int:
    """Holds the file against the lists and the register, says what changes, and takes all of it over in one step."""
    settings = load_settings()
    school = school_meant(settings, school_id)
    database = Database(settings.database_url, settings.key_source)
    try:
        await database.migrate()
        plan = await take_over(database, SystemClock(), school, path, dry_run=dry_run)
    finally:
        await database.close()
    print(f"Entries: {plan.added} added, {plan.changed} changed, {plan.same} as before")
    if plan.stays:
        numbers = ", ".join(map(str, plan.stays[:_MOST_NUMBERS])) + (", ..." if len(plan.stays) > _MOST_NUMBERS else "")
        print(f"The register has a later answer than these lines, and keeps it: {numbers}")
    print("Nothing was changed: this was a dry run." if dry_run else f"Done for {school.name}.")
    return 0


async def take_over(database: Database, clock: Clock, school: School, path: Path, *, dry_run: bool = False) -> ConsentPlan:
    """The same on a database that is open.

    Raises:
        SettingsError: the school's policy does not speak of consent.
        ConsentListError: anything in the file is wrong.
    """
    terms, now = school.policy.consent, clock.now()
    if terms is None:
        raise SettingsError(f"the policy of {school.name} does not speak of consent: there is no consent.yaml in its folder")
    lines = read_consents(path, school, terms, now)
    async with Store(database).transaction(school, write=not dry_run) as records:
        plan = await plan_consents(path, records, lines, now)
        if not dry_run:
            await carry_out_consents(records, plan, now)
    return plan
