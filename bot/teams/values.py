"""What was filled into an Adaptive Card, as the neutral form values: the inverse of the fields that `cards.adaptive` draws."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final
from urllib.parse import quote, unquote

from cards.adaptive import DATE_SUFFIX, RESERVED, TIME_SUFFIX, TYPED_SUFFIX
from cards.model import FieldValue
from domain.breaches import CAUSED
from domain.chronology import CHILD
from domain.consents import NAME_FIELD
from domain.entries import DOER
from domain.measures import AUTHORISED
from domain.register_terms import STAFF_FIELDS
from domain.report_form import PEOPLE_FIELDS
from domain.request_types import STAFF_PREFIX
from domain.signings import ATTENDED_FIELD
from domain.subject_access import PERSON

_TYPED: Final = "text:"
OF_PEOPLE: Final = frozenset(
    {ATTENDED_FIELD, AUTHORISED, *PEOPLE_FIELDS, *STAFF_FIELDS, CAUSED, CHILD, DOER, NAME_FIELD, PERSON}
)
"""The fields that take several people: what is picked comes with commas between, and what is typed in a field beside it."""


def form_values(data: Mapping[str, Any], timezone: tzinfo) -> dict[str, FieldValue]:
    """The values by field id, as `cards.model.FormValues`. Moments are read in the time zone in which they were shown."""
    # Teams leaves out what was left empty: without this, what somebody has emptied would come back.
    there = [name for name in str(data.get("fields") or "").split(",") if name]
    values: dict[str, FieldValue] = {name: "" for name in there if not _is_of_people(name)}
    people: dict[str, list[str]] = {name: [] for name in there if _is_of_people(name)}
    for name, value in data.items():
        text = "" if value is None else str(value)
        if name in RESERVED:
            continue
        if name.endswith(TYPED_SUFFIX) and _is_of_people(name.removesuffix(TYPED_SUFFIX)):
            people.setdefault(name.removesuffix(TYPED_SUFFIX), []).extend(_typed(text))
        elif _is_of_people(name):
            people.setdefault(name, [])[:0] = [_picked(x) for x in text.split(",") if x.strip()]
        elif name.endswith(DATE_SUFFIX) and name.removesuffix(DATE_SUFFIX) not in data:
            field = name.removesuffix(DATE_SUFFIX)
            values[field] = _moment(text, str(data.get(field + TIME_SUFFIX) or ""), timezone)
        elif not name.endswith(TIME_SUFFIX):
            values[name] = text
    return values | {name: tuple(dict.fromkeys(found)) for name, found in people.items()}


def _is_of_people(field: str) -> bool:
    """What a request's form asks for is data of a policy: there the field's own name says it."""
    return field in OF_PEOPLE or field.startswith(STAFF_PREFIX)


def typed_choice(value: str) -> str:
    """A person's value for a list, whose chosen values Teams hands back with commas between them."""
    return _TYPED + quote(value.removeprefix(_TYPED), safe=" ") if value.startswith(_TYPED) else value


def _picked(value: str) -> str:
    value = value.strip()
    return _TYPED + unquote(value.removeprefix(_TYPED)) if value.startswith(_TYPED) else value


def _typed(lines: str) -> list[str]:
    return [_TYPED + name for name in (" ".join(line.split()) for line in lines.splitlines()) if name]


def _moment(day: str, time: str, timezone: tzinfo) -> str:
    """ISO 8601; what is no moment stays as it is, so that the form can say so."""
    if not day and not time:
        return ""
    try:
        return datetime.fromisoformat(f"{day}T{time or '00:00'}").replace(tzinfo=timezone).isoformat()
    except ValueError:
        return "no moment"
