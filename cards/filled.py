"""What was filled into a form before, as it is shown again; and what is wrong with it."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from cards.model import Field, Form, PeopleField, PersonChoice, TextField, fields
from cards.texts import say
from domain.casework import EntryQuestions
from domain.people import School
from domain.report_form import LONGEST_TEXT, Fault, Filled


def text_in(filled: Filled, field: str) -> str:
    """What was typed or chosen; nothing where several were picked."""
    value = filled.get(field, "")
    return value if isinstance(value, str) else ""


def moment_in(school: School, typed: str) -> datetime | None:
    """A moment as it was filled in, by the school's clock where it names none; None for what is none."""
    try:
        moment = datetime.fromisoformat(typed)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=school.calendar.timezone)
    except (ValueError, OverflowError):
        return None


def with_faults(form: Form, faults: Mapping[str, Fault]) -> Form:
    """The form with what is wrong, in words, at its fields: of what is too long it says how long it may be."""
    found = {field.id: field for field in fields(form)}
    return replace(form, errors={f: _told(found.get(f), fault) for f, fault in faults.items()})


def _told(field: Field | None, fault: Fault) -> str:
    match field:
        case TextField(max_length=most) if fault is Fault.TOO_LONG:
            return say("fault.too_long_text", most=f"{most:,}")
        case PeopleField(longest=most) if fault is Fault.TOO_LONG:
            return say("fault.too_long_name", most=most)
        case _:
            return say(f"fault.{fault}")


def area(q: EntryQuestions, field: str, label: str, hint: str = "", *, required: bool = True) -> TextField:
    """A text of several lines."""
    return TextField(field, label, typed(q, field), hint, required=required, multiline=True, max_length=LONGEST_TEXT)


def typed(q: EntryQuestions, field: str) -> str:
    """What stands in a field."""
    return text_in(q.filled, field)


def chosen(q: EntryQuestions, field: str, options: Collection[str]) -> str:
    """The option that was chosen, if it is one."""
    value = typed(q, field)
    return value if value in options else ""


def moment_of(school: School, q: EntryQuestions, field: str) -> datetime | None:
    """The moment that was filled in, if it is one."""
    return moment_in(school, typed(q, field))


def member_field(q: EntryQuestions, field: str, label: str, shown_as: str, hint: str) -> PeopleField:
    """One member of staff. `shown_as`: how whoever was picked is called."""
    picked = q.filled.get(field, ())
    people = (picked,) if isinstance(picked, str) and picked else picked or ()
    choices = tuple(PersonChoice(value, shown_as or value.partition(":")[2]) for value in people[:1])
    return PeopleField(field, label, choices, hint, required=True, most=1)


def whose_field(field: str, label: str, picked: Collection[str], hint: str) -> PeopleField:
    """One person, picked or typed. Only a typed name stays: whoever was picked is known by an id, and is picked again."""
    typed_names = tuple(PersonChoice(value, value.partition(":")[2]) for value in picked if value.startswith("text:"))
    return PeopleField(field, label, typed_names, hint, required=True, most=1)
