"""One list of all the registers that somebody may read, each with how much of it waits."""

from cards.agreements import SHOW_UNSIGNED
from cards.breaches import READ_BREACH
from cards.model import Button, Buttons, Card, Form, Leaf, Part, Section, Text, Weight
from cards.opening import opening_card
from cards.registers import SHOW_REGISTER, register_name
from cards.submissions import SHOW_SUBMISSIONS
from cards.texts import say
from domain.overview import Listed, Listing, Overview, Tally
from domain.register_terms import RegisterKind

SHOW_OVERVIEW = "show_overview"
OVERVIEW = "overview"


def overview_card() -> Card:
    """In answer to the word in a chat, where no dialog can be opened without a press."""
    return opening_card(say("overview.title"), say("overview.text"), SHOW_OVERVIEW, say("overview.open"))


def overview_form(overview: Overview) -> Form:
    """Each list with its counts and its button, under what it is of."""
    parts: list[Part] = [Text(say("overview.text"))]
    for of in Listing:
        lists = [one for one in overview.lists if one.of is of]
        if lists:
            parts.append(Section(say(f"overview.of_{of}"), tuple(leaf for one in lists for leaf in _line(one))))
    return Form(OVERVIEW, say("overview.title"), tuple(parts))


def _line(one: Listed) -> tuple[Leaf, ...]:
    tally = one.tally
    counts = say("overview.nothing")
    if tally != Tally():
        counts = say(f"overview.tally_{one.of}", live=tally.live, waiting=tally.waiting, due=tally.due)
    match one.of:
        case Listing.REGISTER:
            title = register_name(RegisterKind(one.id))
            buttons: tuple[Button, ...] = (Button(SHOW_REGISTER, title, one.id, opens_form=True),)
        case Listing.BREACHES:
            buttons = tuple(
                Button(READ_BREACH, say("submission.read", reference=reference), breach_id, opens_form=True)
                for reference, breach_id in one.single
            )
        case Listing.REQUESTS:
            buttons = (Button(SHOW_SUBMISSIONS, one.title, one.id, opens_form=True),)
        case Listing.SIGNED:
            buttons = (Button(SHOW_UNSIGNED, one.title, one.id, opens_form=True),)
    return (Text(counts, Weight.MUTED), *((Buttons(buttons),) if buttons else ()))
