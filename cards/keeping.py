"""How long a case is kept: what is to be decided, the form to decide it, and the message to whoever may agree."""

from datetime import datetime

from cards.breaches import breach_button, breach_lines
from cards.export import page_lines, subject_button
from cards.filled import with_faults
from cards.handovers import handover_button, handover_lines
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Choice,
    Fact,
    Facts,
    Form,
    Option,
    Part,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.texts import day_of, listed, say
from domain.breaches import BreachState
from domain.exports import PageLine
from domain.handovers import Unreceived
from domain.incident import Incident
from domain.messages import ErasureMessage
from domain.people import School
from domain.report_form import LONGEST_TEXT
from domain.retention import (
    CHOICE,
    REASON,
    REASONED,
    WHY,
    EarlyReason,
    Keeping,
    KeepingFile,
    KeepingLine,
    KeepState,
    years_of,
)
from domain.retention import Choice as Decision

KEEPING, KEEPING_FORM = "keeping", "keeping_form"
_MOST_LINES, _MOST_BREACHES, _MOST_HANDOVERS, _MOST_PAGES = 10, 3, 4, 4


def keeping_button(incident_id: str) -> Button:
    """What stands in a case for those who have a say in how long it is kept."""
    return Button(KEEPING, say("keeping.ask"), incident_id, opens_form=True)


def keeping_list_card(
    school: School,
    lines: tuple[KeepingLine, ...],
    *,
    more: bool,
    now: datetime,
    breaches: tuple[BreachState, ...] = (),
    handovers: tuple[Unreceived, ...] = (),
    exported: tuple[PageLine, ...] = (),
) -> Card:
    """What is to be decided and what is held, by reference; breaches that are not done with come first."""
    parts: list[Part] = [*breach_lines(school, breaches[:_MOST_BREACHES])]
    parts += [Text(say("keeping.list_text" if lines else "keeping.list_empty"))]
    for line in lines[:_MOST_LINES]:
        told = say(
            "keeping.line",
            reference=line.incident.reference,
            concern=_concern(school, line.incident),
            standing=_standing(school, line.keeping, line.person),
        )
        decide = Button(KEEPING, say("keeping.decide"), line.incident.id, opens_form=True)
        parts += [Text(told), Buttons((decide,))]
    if more or len(lines) > _MOST_LINES:
        parts.append(Text(say("keeping.list_more"), Weight.MUTED))
    parts += handover_lines(school, handovers[:_MOST_HANDOVERS], now)
    parts += page_lines(school, exported[:_MOST_PAGES], now)
    parts.append(Buttons((subject_button(), handover_button(), breach_button())))
    return Card(say("keeping.list_title"), say("keeping.list_summary"), tuple(parts))


def keeping_form(school: School, file: KeepingFile) -> Form:
    """How a case is kept, and what its reader may decide about that."""
    i, years = file.incident, years_of(school, file.kind)
    facts = [
        Fact(say("keeping.reference"), i.reference),
        Fact(say("keeping.concern"), _concern(school, i)),
        Fact(say("keeping.class"), say("keeping.class_years", kind=say(f"keeping.class_{file.kind}"), years=years)),
        Fact(say("keeping.end"), _day(school, file.end) if file.end is not None else say("keeping.open")),
    ]
    parts: list[Part] = [Facts(tuple(facts))]
    if file.keeping is not None:
        parts.append(Banner(_standing(school, file.keeping, file.person), Tone.INFO))
    if not file.choices:
        return Form(KEEPING_FORM, say("keeping.title"), tuple(parts))
    if {Decision.ERASE, Decision.AGREE, Decision.PROPOSE} & set(file.choices):
        parts.append(Text(say("keeping.erasing")))
    return with_faults(
        Form(KEEPING_FORM, say("keeping.title"), (*parts, *_fields(file)), submit=say("keeping.submit"), state=i.id),
        file.faults,
    )


def _fields(file: KeepingFile) -> tuple[Part, ...]:
    options = tuple(Option(c, say(f"keeping.choice_{c}")) for c in file.choices)
    found: list[Part] = [Choice(CHOICE, say("keeping.choice"), options, file.filled.get(CHOICE, ""))]
    if Decision.PROPOSE in file.choices:
        reasons = tuple(Option(r, say(f"keeping.why_{r}")) for r in EarlyReason)
        why = file.filled.get(WHY, "")
        found.append(Choice(WHY, say("keeping.why"), reasons, why, hint=say("keeping.why_hint"), required=False, compact=True))
    if REASONED & set(file.choices):
        typed, hint = file.filled.get(REASON, ""), say("keeping.reason_hint")
        found.append(
            TextField(REASON, say("keeping.reason"), typed, hint, required=False, multiline=True, max_length=LONGEST_TEXT)
        )
    return tuple(found)


def decided_text(reference: str, choice: Decision, asked: tuple[str, ...]) -> str:
    """What was done, in a sentence."""
    names = listed(asked) if asked else ""
    return say(f"keeping.done_{choice}", reference=reference, names=names)


def erasure_card(school: School, m: ErasureMessage) -> Card:
    """To whoever may agree to erase a case early: that it is wanted and why; and afterwards that it is settled."""
    title, when = say("keeping.message_title", reference=m.reference), _day(school, m.at)
    if m.settled or m.reason is None:
        text = say("keeping.message_erased" if m.erased else "keeping.message_settled", reference=m.reference, when=when)
        return Card(title, text, (Banner(text, Tone.SUCCESS if m.erased else Tone.INFO),))
    why = say(f"keeping.why_{m.reason}")
    text = say("keeping.message_text", person=m.proposer, when=when, why=why)
    decide = Button(KEEPING, say("keeping.decide"), m.incident_id, ButtonStyle.PRIMARY, opens_form=True)
    summary = say("keeping.message_summary", reference=m.reference)
    return Card(title, summary, (Banner(summary, Tone.WARNING), Text(text), Buttons((decide,))))


def _standing(school: School, keeping: Keeping, person: str) -> str:
    when, who = _day(school, keeping.at), person or say("keeping.somebody")
    match keeping.state:
        case KeepState.ENDED:
            return say("keeping.ended", kind=say(f"keeping.class_{keeping.kind}"))
        case KeepState.EARLY:
            why = say(f"keeping.why_{keeping.reason}")
            return say("keeping.early", person=who, when=when, why=why)
        case KeepState.HELD if keeping.until is not None:
            return say("keeping.held_until", person=who, when=when, until=_day(school, keeping.until))
        case KeepState.HELD:
            return say("keeping.held", person=who, when=when)
        case KeepState.ERASED:
            return say("keeping.erased", when=when)


def _day(school: School, at: datetime) -> str:
    return day_of(at.astimezone(school.calendar.timezone).date())


def _concern(school: School, incident: Incident) -> str:
    known = school.policy.concerns.get(incident.facts.concern)
    return known.label if known is not None else incident.facts.concern
