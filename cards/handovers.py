"""Handing a pupil's records over to the next school: the forms, and what is still without a receipt."""

from datetime import datetime

from cards.export import until_text
from cards.filled import whose_field, with_faults
from cards.model import (
    Banner,
    Button,
    Buttons,
    Card,
    Form,
    Part,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.texts import day_of, moment, say
from domain.exports import Page
from domain.handovers import (
    LONGEST_SCHOOL,
    PERSON,
    RECEIPT,
    SCHOOL,
    Handover,
    HandoverQuestions,
    ReceiptQuestions,
    Unreceived,
)
from domain.people import School

HANDOVER, HANDOVER_FORM, GIVE_RECEIPT, RECEIPT_FORM = "handover", "handover_form", "give_receipt", "receipt_form"
_LONGEST_CODE = 40


def handover_button() -> Button:
    """What stands beside the list of records."""
    return Button(HANDOVER, say("handover.start"), opens_form=True)


def handover_start_card() -> Card:
    """In answer to the word in a chat, where no form can be opened without a press."""
    return Card(say("handover.title"), say("handover.text"), (Text(say("handover.text")), Buttons((handover_button(),))))


def handover_lines(school: School, handovers: tuple[Unreceived, ...], now: datetime) -> tuple[Part, ...]:
    """Those without a receipt, by the name of their file."""
    parts: list[Part] = []
    for h in handovers:
        late = now >= h.due_at
        text = say("handover.late" if late else "handover.waits", file=h.file, when=moment(school, h.at))
        give = Button(GIVE_RECEIPT, say("handover.give"), h.id, opens_form=True)
        parts += [Banner(text, Tone.WARNING) if late else Text(text), Buttons((give,))]
    return tuple(parts)


def handover_form(q: HandoverQuestions, shown_id: str = "") -> Form:
    """Of whom, and to which school. `shown_id`: sent twice, it has one page made."""
    return with_faults(
        Form(
            id=HANDOVER_FORM,
            title=say("handover.title"),
            parts=(
                Text(say("handover.text")),
                whose_field(PERSON, say("handover.person"), q.filled, say("handover.person_hint")),
                TextField(SCHOOL, say("handover.to"), q.to, max_length=LONGEST_SCHOOL),
                Text(say("handover.limits"), Weight.MUTED),
            ),
            submit=say("handover.submit"),
            state=shown_id,
        ),
        q.faults,
    )


def sent_card(school: School, handover: Handover, made: Page, passphrase: str) -> Card:
    """Where the page lies, and the passphrase, which is shown here and nowhere else."""
    day = day_of(handover.due_at.astimezone(school.calendar.timezone).date())
    text = say("handover.made", file=handover.file)
    banner = Banner(say("export.passphrase", passphrase=passphrase), Tone.WARNING)
    next_ = Text(say("handover.next", day=day), Weight.MUTED)
    return Card(say("handover.made_title"), text, (Text(text), banner, next_, until_text(school, made)))


def receipt_form(school: School, q: ReceiptQuestions) -> Form:
    """The code that the next school has read."""
    h = q.handover
    return Form(
        id=RECEIPT_FORM,
        title=say("handover.receipt_title"),
        parts=(
            Text(say("handover.receipt_text", file=h.file, to=h.to, when=moment(school, h.at))),
            TextField(RECEIPT, say("handover.receipt"), q.typed, max_length=_LONGEST_CODE),
        ),
        submit=say("handover.receipt_submit"),
        state=h.id,
        errors={f: say("handover.wrong" if q.typed.strip() else f"fault.{fault}") for f, fault in q.faults.items()},
    )


def received_text(school: School, handover: Handover) -> str:
    """That it has arrived."""
    when = moment(school, handover.received_at or handover.at)
    return say("handover.received", file=handover.file, to=handover.to, when=when)
