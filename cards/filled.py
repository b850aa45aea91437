"""Fields of a case's forms, with what was filled in before."""

from collections.abc import Collection
from datetime import datetime

from cards.model import PeopleField, PersonChoice, TextField
from domain.casework import EntryQuestions
from domain.people import School
from domain.report_form import LONGEST_TEXT


def area(q: EntryQuestions, field: str, label: str, hint: str = "", *, required: bool = True) -> TextField:
    """A text of several lines."""
    return TextField(field, label, typed(q, field), hint, required=required, multiline=True, max_length=LONGEST_TEXT)


def typed(q: EntryQuestions, field: str) -> str:
    """What stands in a field."""
    value = q.filled.get(field, "")
    return value if isinstance(value, str) else ""


def chosen(q: EntryQuestions, field: str, options: Collection[str]) -> str:
    """The option that was chosen, if it is one."""
    value = typed(q, field)
    return value if value in options else ""


def moment_of(school: School, q: EntryQuestions, field: str) -> datetime | None:
    """The moment that was filled in, if it is one."""
    try:
        moment = datetime.fromisoformat(typed(q, field))
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=school.calendar.timezone)
    except (ValueError, OverflowError):
        return None


def member_field(q: EntryQuestions, field: str, label: str, shown_as: str, hint: str) -> PeopleField:
    """One member of staff. `shown_as`: how whoever was picked is called."""
    picked = q.filled.get(field, ())
    people = (picked,) if isinstance(picked, str) and picked else picked or ()
    choices = tuple(PersonChoice(value, shown_as or value.partition(":")[2]) for value in people[:1])
    return PeopleField(field, label, choices, hint, required=True, most=1)
