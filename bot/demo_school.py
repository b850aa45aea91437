"""The demo school's people, taken from the lists beside it."""

from datetime import datetime

from bot.settings import DEMO_SCHOOLS
from domain.people import Kind, School
from storage.people_files import carry_out, plan_import, read_people
from storage.store import Store


async def fill_demo_school(store: Store, school: School, now: datetime) -> None:
    """Takes the demo lists over, unless that was done before."""
    async with store.transaction(school) as records:
        for kind, name in ((Kind.STAFF, "staff.csv"), (Kind.PUPIL, "pupils.csv")):
            plan = await plan_import(records, kind, read_people(DEMO_SCHOOLS / name, kind))
            if plan.changes:
                await carry_out(records, plan, now)
