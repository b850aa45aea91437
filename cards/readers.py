"""Who has looked at a case, and at each case of a child."""

from cards.model import Button, Buttons, Form, Section, Text, Weight
from cards.texts import moment, say
from domain.audit import CaseReaders, Reader, ReadersOfCase, ReadersOfChild
from domain.people import School

READERS_OF_CASE, READERS_OF_CHILD, READERS = "readers_case", "readers_child", "readers"
"""Two buttons, and the form that they open."""


def readers_button(incident_id: str) -> Button:
    """What stands in a case for those who may ask."""
    return Button(READERS_OF_CASE, say("readers.ask"), incident_id, opens_form=True)


def case_readers_form(school: School, found: ReadersOfCase, incident_id: str) -> Form:
    """Who has looked at a case, and a button for each pupil in it."""
    buttons = tuple(
        Button(READERS_OF_CHILD, say("readers.ask_child", name=name), f"{incident_id}|{person}", opens_form=True)
        for person, name in found.pupils
    )
    return Form(
        id=READERS,
        title=say("readers.title"),
        parts=(
            Text(say("readers.logged"), Weight.MUTED),
            _readers(school, found.case),
            *((Buttons(buttons),) if buttons else ()),
            Text(say("readers.limits"), Weight.MUTED),
        ),
        state=incident_id,
    )


def child_readers_form(school: School, found: ReadersOfChild, incident_id: str) -> Form:
    """Who has looked at each case of a child."""
    more = (Text(say("readers.more_cases", count=found.more), Weight.MUTED),) if found.more else ()
    return Form(
        id=READERS,
        title=say("readers.title"),
        parts=(
            Text(say("readers.of_child", name=found.name)),
            Text(say("readers.logged"), Weight.MUTED),
            *(_readers(school, case) for case in found.cases),
            *more,
            Text(say("readers.limits_child"), Weight.MUTED),
        ),
        state=incident_id,
    )


def _readers(school: School, case: CaseReaders) -> Section:
    lines = [_line(school, reader) for reader in case.readers]
    if case.more:
        lines.append(say("readers.more", count=case.more))
    return Section(say("readers.case", reference=case.reference), (Text("\n".join(lines) or say("readers.nobody")),))


def _line(school: School, reader: Reader) -> str:
    """One person: name, role by its title at the school, when last, how often and since when."""
    roles = ", ".join(dict.fromkeys(school.policy.role_title(r) for r in reader.roles)) or say("readers.no_role")
    name, last = reader.name or say("readers.unknown"), moment(school, reader.last)
    if reader.times == 1:
        return say("readers.once", name=name, roles=roles, last=last)
    return say("readers.often", name=name, roles=roles, last=last, times=reader.times, first=moment(school, reader.first))
