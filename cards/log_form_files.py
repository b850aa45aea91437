"""The log form as text to copy, and as CSV in columns that a school's own system may take. docs/records.md says why these."""

from collections.abc import Sequence
from datetime import datetime

from cards.log_form import Filled, Sheet, part_of
from cards.spreadsheet import csv_of
from cards.texts import say
from domain.log_forms import Shows
from domain.log_records import Involved
from domain.people import School

_DONE = (Shows.FIRST_STEPS, Shows.DECISIONS, Shows.ACTIONS, Shows.MEASURES, Shows.CONTACTS, Shows.OUTCOME)
_CPOMS = (
    "Student",
    "Form",
    "House",
    "Role",
    "Incident Date",
    "Incident Time",
    "Categories",
    "Incident",
    "Actions Taken",
    "Linked Students",
    "Alerted Staff",
    "Added By",
    "Date Added",
    "Reference",
)
_MYCONCERN = (
    "Pupil",
    "Form",
    "House",
    "Role",
    "Concern Summary",
    "Concern Type",
    "Concern Date",
    "Concern Time",
    "Location",
    "Details of Concern",
    "Other Pupils",
    "Immediate Action Taken",
    "Action Taken Since",
    "Outcome",
    "Status",
    "Reported By",
    "Date Reported",
    "Originator Reference",
)
_SINCE = (Shows.DECISIONS, Shows.ACTIONS, Shows.MEASURES, Shows.CONTACTS)


def plain_text(sheet: Sheet) -> str:
    """The form as text, for the one large field that other systems have."""
    lines = [sheet.title, sheet.school.name, *([sheet.warning] if sheet.warning else []), ""]
    for field in sheet.fields:
        lines += _field_text(field)
    return "\n".join((*lines, "", sheet.made)) + "\n"


def csv_cpoms(sheet: Sheet) -> str:
    """A line for each pupil in it, as an incident is logged for a student with others linked; empty where none may be made."""
    rows = [
        (
            *_who(sheet, one),
            *_moment(sheet.school, sheet.record.case.incident.occurred_at),
            _told(sheet, Shows.CONCERN).partition("\n")[0],
            _account(sheet),
            _told(sheet, *_DONE),
            _others(sheet, pupils, one),
            _told(sheet, Shows.REPORTED_TO),
            _told(sheet, Shows.REPORTED_BY),
            " ".join(_moment(sheet.school, sheet.record.case.incident.reported_at)),
            sheet.reference,
        )
        for pupils in [_pupils(sheet)]
        for one in pupils
    ]
    return csv_of(_CPOMS, rows) if rows else ""


def csv_myconcern(sheet: Sheet) -> str:
    """The same as a concern is raised about a pupil, with what was done at once apart from what was done since."""
    rows = [
        (
            *_who(sheet, one),
            say("log_form.summary", concern=_told(sheet, Shows.CONCERN).partition("\n")[0], reference=sheet.reference),
            _told(sheet, Shows.CONCERN).partition("\n")[0],
            *_moment(sheet.school, sheet.record.case.incident.occurred_at),
            _told(sheet, Shows.PLACE),
            _account(sheet),
            _others(sheet, pupils, one),
            _told(sheet, Shows.FIRST_STEPS),
            _told(sheet, *_SINCE),
            _told(sheet, Shows.OUTCOME),
            _told(sheet, Shows.STATE),
            _told(sheet, Shows.REPORTED_BY),
            " ".join(_moment(sheet.school, sheet.record.case.incident.reported_at)),
            sheet.reference,
        )
        for pupils in [_pupils(sheet)]
        for one in pupils
    ]
    return csv_of(_MYCONCERN, rows) if rows else ""


def _field_text(field: Filled) -> list[str]:
    text = field.text
    if not text:
        return [f"{field.label}:"]
    if "\n" not in text:
        return [f"{field.label}: {text}"]
    return ["", f"{field.label}:", text, ""]


def _pupils(sheet: Sheet) -> Sequence[Involved | None]:
    """Whose record it goes into: nobody's known to be staff; of a private case, none, since a pupil's record has other readers.

    Where nobody was named there is one line, with nobody in it, to be completed.
    """
    if sheet.record.case.incident.private:
        return ()
    found = {_same(one): one for one in reversed(sheet.record.people) if not one.is_staff}
    return [*reversed(found.values())] or [None]


def _same(one: Involved) -> str:
    """What is the same of somebody who has two parts in it."""
    return one.participant.person_id or one.participant.name.casefold()


def _parts(sheet: Sheet, one: Involved) -> str:
    theirs = (part_of(sheet.school, other) for other in sheet.record.people if _same(other) == _same(one))
    return ", ".join(dict.fromkeys(theirs))


def _who(sheet: Sheet, one: Involved | None) -> tuple[str, str, str, str]:
    if one is None:
        return ("", "", "", "")
    form, house = (one.person.form, one.person.house) if one.person is not None else ("", "")
    return (one.participant.name, form, house, _parts(sheet, one))


def _others(sheet: Sheet, pupils: Sequence[Involved | None], but: Involved | None) -> str:
    others = (one for one in pupils if one is not None and one is not but)
    return "; ".join(say("case.record_person", name=o.participant.name, role=_parts(sheet, o)) for o in others)


def _told(sheet: Sheet, *wanted: Shows) -> str:
    """What the case has of these, without what there is nothing of."""
    return "\n".join(text for shows in wanted if (text := sheet.told[shows]))


def _account(sheet: Sheet) -> str:
    """What happened, with everybody in it and the part of each: staff as well."""
    return "\n".join((_told(sheet, Shows.WHAT_HAPPENED), _told(sheet, Shows.PEOPLE)))


def _moment(school: School, at: datetime) -> tuple[str, str]:
    """The day and the time as British systems read them."""
    local = at.astimezone(school.calendar.timezone)
    return f"{local:%d/%m/%Y}", f"{local:%H:%M}"
