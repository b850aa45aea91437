"""What was filled into a form of a case, read field by field: each says what it found, and what is wrong with it."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from domain.people import Person, School, Staff
from domain.report_form import Fault, Filled

CLOCK_DRIFT = timedelta(minutes=5)
"""So far ahead of ours a clock may be."""
PERSON = "person:"
"""How the value of somebody begins who was picked from the lists."""


def text(values: Filled, field: str) -> str:
    """What was typed or chosen."""
    value = values.get(field, "")
    return value.strip() if isinstance(value, str) else ""


def text_faults(values: Filled, longest: Mapping[str, int], *, needed: bool = True) -> dict[str, Fault]:
    """What is wrong with texts. `longest`: in characters, by field."""
    found = {f: Fault.TOO_LONG for f, most in longest.items() if len(text(values, f)) > most}
    return found | {f: Fault.MISSING for f in longest if needed and not text(values, f)}


def chosen(values: Filled, field: str, options: Collection[str], faults: dict[str, Fault]) -> str:
    """One of some options; anything else is a fault."""
    value = text(values, field)
    if value not in options:
        faults[field] = Fault.UNKNOWN_CHOICE if value else Fault.MISSING
    return value


def picked(values: Filled, field: str) -> str:
    """The one person who was picked or typed."""
    value = values.get(field, ())
    return value if isinstance(value, str) else value[0] if value else ""


def of_staff(staff: Staff, values: Filled, field: str) -> Person | None:
    """The same, if they were picked from the staff list."""
    value = picked(values, field)
    return staff.get(value.removeprefix(PERSON)) if value.startswith(PERSON) else None


def label(staff: Staff, values: Filled, field: str) -> str:
    """How whoever was picked or typed is shown again."""
    value = picked(values, field)
    person = staff.get(value.removeprefix(PERSON))
    return person.name if person is not None else value.partition(":")[2] if not value.startswith(PERSON) else ""


def moment(school: School, values: Filled, field: str, faults: dict[str, Fault]) -> datetime | None:
    """A moment; without a zone it is the school's. What is no moment is a fault, and nothing is none."""
    typed = text(values, field)
    if not typed:
        return None
    try:
        found = datetime.fromisoformat(typed)
        return (found if found.tzinfo is not None else found.replace(tzinfo=school.calendar.timezone)).astimezone(UTC)
    except (ValueError, OverflowError):
        faults[field] = Fault.NOT_A_MOMENT
        return None


def past(school: School, values: Filled, field: str, faults: dict[str, Fault], now: datetime) -> datetime:
    """A moment that has been, now where none was filled in; one in the future is a fault."""
    found = moment(school, values, field, faults) or now
    if found > now + CLOCK_DRIFT:
        faults[field] = Fault.IN_FUTURE
    return found
