"""What staff sign: what there is, one to read and to sign, who has not, who was at a training, the messages."""

from datetime import datetime
from typing import Final

from cards.clauses import points
from cards.export import taken_out_card
from cards.filled import moment_in, text_in, with_faults
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Confirm,
    Fact,
    Facts,
    Form,
    Leaf,
    MomentField,
    Part,
    PeopleField,
    PersonChoice,
    Section,
    Table,
    Text,
    Tone,
    Weight,
)
from cards.opening import opening_card
from cards.texts import dated, day_of, listed, moment, say
from domain.agreements import Agreement, AgreementKind
from domain.exports import Page
from domain.messages import SigningMessage
from domain.people import School
from domain.signings import (
    ATTENDED_FIELD,
    DONE_FIELD,
    FINGERPRINT,
    AgreementPage,
    AttendedForm,
    GapPage,
    GivenSignature,
    SignMenu,
    ToSign,
)

SHOW_SIGNING, READ_AGREEMENT, SHOW_UNSIGNED = "show_signing", "read_agreement", "show_unsigned"
REMIND_SIGNERS, ASK_ATTENDED, EXPORT_SIGNED = "remind_signers", "ask_attended", "export_signed"
MENU, AGREEMENT, UNSIGNED, ATTENDED = "to_sign", "agreement", "unsigned", "attended"

_MOST_IN_A_TEXT: Final = 2000
_MOST_ATTENDED: Final = 30


def signing_menu_card() -> Card:
    """In answer to the word in a chat, where no dialog can be opened without a press."""
    return opening_card(say("agreement.menu"), say("agreement.menu_text"), SHOW_SIGNING, say("agreement.open_menu"))


def menu_form(school: School, menu: SignMenu) -> Form:
    """What somebody has to sign, and has signed; below it the lists they may read."""
    parts: list[Part] = [Text(say("agreement.menu_text"))]
    wanted, signed = [i for i in menu.items if i.wanted], [i for i in menu.items if not i.wanted]
    if not wanted:
        parts.append(Banner(say("agreement.nothing"), Tone.SUCCESS))
    else:
        parts.append(Section(say("agreement.wanted"), tuple(leaf for item in wanted for leaf in _line(school, item))))
    if signed:
        parts.append(Section(say("agreement.signed"), tuple(leaf for item in signed for leaf in _line(school, item))))
    if menu.lists:
        parts.append(Section(say("agreement.lists"), tuple(leaf for line in menu.lists for leaf in _list_line(line))))
    return Form(MENU, say("agreement.menu"), tuple(parts))


def _line(school: School, item: ToSign) -> tuple[Leaf, ...]:
    agreement = item.agreement
    label = say(f"agreement.read_{agreement.kind}") if item.wanted else say("agreement.read_again")
    style = ButtonStyle.PRIMARY if item.late else ButtonStyle.NORMAL
    read = Button(READ_AGREEMENT, label, agreement.id, style, opens_form=True)
    return (Text(agreement.title, Weight.HEADING), Text(_stands(school, item)), Buttons((read,)))


def _stands(school: School, item: ToSign) -> str:
    if item.signed_at is None:
        return say("agreement.late" if item.late else "agreement.due", when=_day(school, item.due))
    when = _day(school, item.signed_at)
    if item.wanted:
        return say("agreement.again", when=when, due=_day(school, item.until or item.due))
    if item.until is None:
        return say("agreement.signed_on", when=when)
    return say("agreement.signed_until", when=when, until=_day(school, item.until))


def _list_line(line: tuple[Agreement, int, int]) -> tuple[Leaf, ...]:
    agreement, missing, of = line
    said = say("agreement.list_line" if missing else "agreement.list_all", title=agreement.title, missing=missing, of=of)
    return (
        Text(said),
        Buttons((Button(SHOW_UNSIGNED, say("agreement.show_list", title=agreement.title), agreement.id, opens_form=True),)),
    )


def agreement_form(school: School, page: AgreementPage) -> Form:
    """One to read: what it says, on which clause, what a signature keeps; to be signed, if it is wanted."""
    item, agreement = page.item, page.item.agreement
    parts: list[Part] = []
    if page.stale:
        parts.append(Banner(say("agreement.stale"), Tone.WARNING))
    if page.just:
        parts.append(Banner(say(f"agreement.thanks_{agreement.kind}"), Tone.SUCCESS))
    parts += [Text(agreement.title, Weight.HEADING), Text(say("agreement.version", version=agreement.version), Weight.MUTED)]
    if page.signed is not None and not item.wanted:
        parts += _kept(school, page.signed)
    parts.append(Text(agreement.about))
    if agreement.changes:
        parts.append(Section(say("agreement.changes"), _numbered(agreement.changes)))
    if agreement.points:
        parts.append(Section(say(f"agreement.points_{agreement.kind}"), _numbered(agreement.points)))
    parts.append(Text(say("agreement.cites", clauses="; ".join(points(school, agreement.cites))), Weight.MUTED))
    if page.signed is not None and not item.wanted:
        return Form(AGREEMENT, say("agreement.title"), (*parts, Buttons((_to_menu(),))), state=page.state)
    if agreement.kind is AgreementKind.TRAINING:
        parts.append(MomentField(DONE_FIELD, say("agreement.when_done"), moment_in(school, text_in(page.filled, DONE_FIELD))))
    parts.append(Text(say(f"agreement.meaning_{agreement.kind}", fingerprint=agreement.text_hash[:FINGERPRINT])))
    submit = say(f"agreement.submit_{agreement.kind}")
    form = Form(AGREEMENT, say("agreement.title"), tuple(parts), submit=submit, state=page.state)
    return with_faults(form, page.faults)


def _kept(school: School, signed: GivenSignature) -> tuple[Part, ...]:
    facts = [Fact(say("agreement.fact_name"), signed.name), Fact(say("agreement.fact_at"), moment(school, signed.at))]
    if signed.done_at is not None:
        facts.append(Fact(say("agreement.fact_done"), dated(school, signed.done_at)))
    facts += [
        Fact(say("agreement.fact_version"), signed.version),
        Fact(say("agreement.fact_hash"), signed.text_hash[:FINGERPRINT]),
    ]
    if signed.until is not None:
        facts.append(Fact(say("agreement.fact_until"), _day(school, signed.until)))
    if signed.by_id != signed.person_id:
        facts.append(Fact(say("agreement.fact_by"), say("agreement.by_another")))
    return (Facts(tuple(facts)),)


def _numbered(lines: tuple[str, ...]) -> tuple[Leaf, ...]:
    """Points with their numbers, several to a text and none torn apart: a chat takes texts of a limited length only."""
    texts, so_far = list[str](), ""
    for n, line in enumerate(lines, 1):
        numbered = f"{n}. {line}"
        if so_far and len(so_far) + len(numbered) > _MOST_IN_A_TEXT:
            texts.append(so_far)
            so_far = ""
        so_far = f"{so_far}\n{numbered}" if so_far else numbered
    return tuple(Text(text) for text in (*texts, so_far) if text)


def _to_menu() -> Button:
    return Button(SHOW_SIGNING, say("agreement.menu"), opens_form=True)


# Who has not


def gaps_form(school: School, page: GapPage) -> Form:
    """Who has not signed, by when they have to, and how often they were told."""
    agreement = page.agreement
    parts: list[Part] = []
    if page.reminded is not None:
        parts.append(
            Banner(
                say("agreement.reminded" if page.reminded else "agreement.reminded_nobody", count=page.reminded), Tone.SUCCESS
            )
        )
    if page.entered is not None:
        parts.append(Banner(say("agreement.entered", count=page.entered), Tone.SUCCESS))
    parts += [Text(agreement.title, Weight.HEADING), Text(say("agreement.version", version=agreement.version), Weight.MUTED)]
    if page.reworded:
        parts.append(Banner(say("agreement.reworded", count=page.reworded), Tone.WARNING))
    said = say(
        "agreement.list_line" if page.missing else "agreement.list_all", title=agreement.title, missing=page.missing, of=page.of
    )
    parts.append(Text(said))
    if page.gaps:
        columns = tuple(say(f"agreement.gap_{c}") for c in ("name", "due", "told"))
        rows = tuple(
            (g.name, say("agreement.gap_late" if g.late else "agreement.gap_due_on", when=_day(school, g.due)), str(g.reminded))
            for g in page.gaps
        )
        parts.append(Table(say("agreement.gap_table"), columns, rows, ""))
    return Form(UNSIGNED, say("agreement.title"), (*parts, Buttons(_gap_buttons(page))))


def _gap_buttons(page: GapPage) -> tuple[Button, ...]:
    agreement, buttons = page.agreement, list[Button]()
    if not page.begins:
        buttons.append(Button(SHOW_UNSIGNED, say("agreement.first"), agreement.id, opens_form=True))
    if page.after:
        buttons.append(Button(SHOW_UNSIGNED, say("agreement.next"), f"{agreement.id}|{page.after}", opens_form=True))
    if page.missing:
        sure = Confirm(
            say("agreement.sure_title"), say("agreement.sure", count=page.missing), say("agreement.yes"), say("agreement.no")
        )
        buttons.append(Button(REMIND_SIGNERS, say("agreement.remind"), agreement.id, opens_form=True, confirm=sure))
    if agreement.kind is AgreementKind.TRAINING and page.missing:
        buttons.append(Button(ASK_ATTENDED, say("agreement.enter"), agreement.id, ButtonStyle.PRIMARY, opens_form=True))
    buttons.append(Button(EXPORT_SIGNED, say("register.export"), f"{agreement.id}|{page.shown_id}", opens_form=True))
    buttons.append(_to_menu())
    return tuple(buttons)


def exported_card(school: School, agreement: Agreement, made: Page, passphrase: str) -> Card:
    """Where the page with all signatures lies and until when, and the passphrase, which is shown here and nowhere else."""
    return taken_out_card(school, agreement.title, made, passphrase)


def attended_form(school: School, q: AttendedForm) -> Form:
    """To enter who of the staff was at a training, and when it was."""
    picked = q.filled.get(ATTENDED_FIELD, ())
    chosen = ((picked,) if picked else ()) if isinstance(picked, str) else picked
    people = tuple(PersonChoice(v, q.names.get(v) or v.partition(":")[2]) for v in chosen)
    who = PeopleField(
        ATTENDED_FIELD, say("agreement.attended"), people, say("agreement.attended_hint"), required=True, most=_MOST_ATTENDED
    )
    when = MomentField(DONE_FIELD, say("agreement.when_held"), moment_in(school, text_in(q.filled, DONE_FIELD)))
    parts = (Text(q.agreement.title, Weight.HEADING), who, when, Text(say("agreement.attended_meaning"), Weight.MUTED))
    form = Form(ATTENDED, say("agreement.title"), parts, submit=say("agreement.enter_submit"), state=q.state)
    return with_faults(form, q.faults)


def _day(school: School, at: datetime) -> str:
    return day_of(at.astimezone(school.calendar.timezone).date())


# What is said in a chat


def signing_card(school: School, m: SigningMessage) -> Card:
    """What somebody has to sign, by title; once all of it is signed, that it is."""
    title = say("agreement.message")
    if not m.titles or m.due is None:
        text = say("agreement.message_done")
        again = Button(SHOW_SIGNING, say("agreement.open_menu"), opens_form=True)
        return Card(title, text, (Banner(text, Tone.SUCCESS), Buttons((again,))))
    word = "late" if m.late else "again" if m.reminder else "first"
    text = say(f"agreement.message_{word}", titles=listed(m.titles, "and"), when=_day(school, m.due))
    parts: list[Part] = [Banner(text, Tone.WARNING if m.late else Tone.INFO)]
    if m.last:
        parts.append(Text(say("agreement.message_last"), Weight.MUTED))
    opens = Button(SHOW_SIGNING, say("agreement.message_open"), style=ButtonStyle.PRIMARY, opens_form=True)
    return Card(title, text, (*parts, Buttons((opens,))))
