"""What is said when something of ours broke: that nothing was received, or that nobody can tell, and whom to phone."""

from dataclasses import replace

from cards.model import Card, Tone
from cards.pages import notice
from cards.texts import phone_list, say
from domain.people import School

_MOST_PHONES = 2
"""A chat shows little room beside a field, and whoever phones begins with the first."""


def failed_card(school: School | None, *, unsure: bool = False) -> Card:
    """For a command or a button. `unsure`: it failed with the last word on its way, so that it may have worked."""
    return notice(say("note.failed_title"), failed_line(school, unsure=unsure), Tone.DANGER)


def failed_line(school: School | None, *, unsure: bool = False) -> str:
    """The same where there is room for a line alone."""
    return say("note.unsure" if unsure else "note.failed", phone=_phone(school))


def form_failed(school: School | None, *, unsure: bool = False) -> str:
    """For a form that was sent, to be shown in it, with what was typed still there."""
    return say("note.form_unsure" if unsure else "note.form_failed", phone=_phone(school))


def not_admitted_card(school: School) -> Card:
    """For an account that the school does not let in: of another organisation, a guest nobody has named, or no person's."""
    return notice(
        say("note.not_admitted_title"), say("note.not_admitted", school=school.name, phone=_phone(school)), Tone.WARNING
    )


def in_doubt_card(school: School) -> Card:
    """For somebody of whom the chat does not say who they are: why nothing is shown, and what works all the same."""
    return notice(say("note.in_doubt_title"), say("note.in_doubt", phone=_phone(school)), Tone.WARNING)


def in_doubt_home(school: School, home: Card) -> Card:
    """The home page of somebody like that, which may lack what is theirs to answer."""
    return replace(home, parts=(*in_doubt_card(school).parts, *home.parts))


def _phone(school: School | None) -> str:
    if school is None or not school.phones:
        return say("note.phone_unknown")
    title = school.policy.role_title
    return say("note.phone", phones=phone_list(tuple((title(r), n) for r, n in list(school.phones.items())[:_MOST_PHONES])))
