"""A breach of personal data: the form that starts its clock, its steps and the decision, and the messages about it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from cards.filled import with_faults
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
    MomentField,
    Option,
    Part,
    PeopleField,
    PersonChoice,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.texts import day_of, say
from domain.breaches import (
    CAUSED,
    DECISION,
    FOUND,
    KIND,
    REASON,
    WHAT,
    BreachDecision,
    BreachFile,
    BreachKind,
    BreachQuestions,
    BreachState,
    BreachStep,
    BreachWithOthers,
)
from domain.messages import BreachMessage
from domain.people import School
from domain.report_form import LONGEST_TEXT, Fault

BREACH, READ_BREACH, BREACH_FORM, BREACH_FILE = "breach", "read_breach", "breach_form", "breach_file"
_NOT_YET, _DONE = "not_yet", "done"


def breach_button() -> Button:
    """What stands beside the list of records."""
    return Button(BREACH, say("breach.start"), opens_form=True)


def breach_start_card() -> Card:
    """In answer to the word in a chat, where no form can be opened without a press."""
    return Card(say("breach.title"), say("breach.text"), (Text(say("breach.text")), Buttons((breach_button(),))))


def breach_lines(school: School, breaches: tuple[BreachState, ...]) -> tuple[Part, ...]:
    """Those that are not done with, by reference."""
    parts: list[Part] = []
    for b in breaches:
        text = say("breach.line" if b.is_open else "breach.line_decided", reference=b.reference, due=_at(school, b.due_at))
        read = Button(READ_BREACH, say("breach.read"), b.id, opens_form=True)
        parts += [Banner(text, Tone.WARNING), Buttons((read,))]
    return tuple(parts)


def breach_form(school: School, q: BreachQuestions) -> Form:
    """When it was found, of what kind it is, and what is known."""
    kinds = tuple(Option(k, say(f"breach.kind_{k}")) for k in BreachKind)
    found = _typed_moment(school, q)
    return _with_faults(
        Form(
            id=BREACH_FORM,
            title=say("breach.title"),
            parts=(
                Text(say("breach.text")),
                MomentField(FOUND, say("breach.found"), found, say("breach.found_hint")),
                Choice(KIND, say("breach.kind"), kinds, q.filled.get(KIND, ""), compact=True),
                TextField(
                    WHAT,
                    say("breach.what"),
                    q.filled.get(WHAT, ""),
                    say("breach.what_hint"),
                    multiline=True,
                    max_length=LONGEST_TEXT,
                ),
                _caused(q.caused),
            ),
            submit=say("breach.submit"),
            state=q.id,
        ),
        q.faults,
    )


def breach_file_form(school: School, file: BreachFile) -> Form:
    """A breach with all that was written, its steps and the decision."""
    b = file.breach
    facts = (
        Fact(say("breach.reference"), b.reference),
        Fact(say("breach.kind"), say(f"breach.kind_{b.kind}")),
        Fact(say("breach.found"), _at(school, b.found_at)),
        Fact(say("breach.due"), _at(school, b.due_at)),
        Fact(say("breach.starter"), file.starter or say("keeping.somebody")),
    )
    return _with_faults(
        Form(
            id=BREACH_FILE,
            title=say("breach.file_title"),
            parts=(
                Text(say("case.logged"), Weight.MUTED),
                *_standing(school, file),
                Facts(facts),
                Text(b.what),
                *(part for step in BreachStep for part in _step(file, step)),
                _caused(file.caused),
                *(_decision(file) if b.is_open else ()),
            ),
            submit=say("breach.save"),
            state=b.id,
        ),
        file.faults,
    )


def with_others_card(kept: BreachWithOthers) -> Card:
    """To whoever has named themselves: who deals with it from now on; or that nobody is left who could."""
    if not kept.people:
        title, text, tone = say("breach.nobody_title"), say("breach.nobody", reference=kept.reference), Tone.DANGER
    else:
        title, tone = say("breach.with_others_title"), Tone.SUCCESS
        text = say("breach.with_others", reference=kept.reference, people=", ".join(kept.people))
    return Card(title, text, (Banner(text, tone),))


def _caused(chosen: tuple[tuple[str, str], ...]) -> PeopleField:
    people = tuple(PersonChoice(value, name) for value, name in chosen)
    return PeopleField(CAUSED, say("breach.caused"), people, say("breach.caused_hint"))


def _with_faults(form: Form, faults: Mapping[str, Fault]) -> Form:
    told = with_faults(form, faults)
    return replace(told, errors={**told.errors, CAUSED: say("breach.caused_unknown")}) if CAUSED in faults else told


def _standing(school: School, file: BreachFile) -> tuple[Part, ...]:
    b = file.breach
    decided: tuple[Part, ...] = ()
    if b.decision is not None and b.decided_at is not None:
        who, tone = file.decider or say("keeping.somebody"), Tone.WARNING if b.is_open else Tone.SUCCESS
        decided = (Banner(say(f"breach.decided_{b.decision}", who=who, when=_at(school, b.decided_at)), tone), Text(b.reason))
    if not b.is_open:
        return decided
    late = file.now >= b.due_at
    return (
        *((*decided, Text(say("breach.anew"))) if decided else ()),
        Banner(say("breach.late" if late else "breach.open", due=_at(school, b.due_at)), Tone.DANGER if late else Tone.WARNING),
    )


def _step(file: BreachFile, step: BreachStep) -> tuple[Part, ...]:
    if step in file.breach.steps:
        return (Text(say("breach.step_done", step=say(f"breach.step_{step}"))),)
    options = (Option(_NOT_YET, say("breach.not_yet")), Option(_DONE, say("breach.done")))
    return (Choice(step, say(f"breach.step_{step}"), options, file.filled.get(step, _NOT_YET)),)


def _decision(file: BreachFile) -> tuple[Part, ...]:
    options = tuple(Option(d, say(f"breach.decision_{d}")) for d in BreachDecision)
    chosen, typed = file.filled.get(DECISION, ""), file.filled.get(REASON, "")
    hint = say("breach.decision_hint")
    return (
        Choice(DECISION, say("breach.decision"), options, chosen, hint, required=False, compact=True),
        TextField(
            REASON,
            say("breach.reason"),
            typed,
            say("breach.reason_hint"),
            required=False,
            multiline=True,
            max_length=LONGEST_TEXT,
        ),
    )


def breach_card(school: School, m: BreachMessage) -> Card:
    """To those who deal with it: that there is one and until when it must be decided; and later that it is."""
    title = say("breach.message_title", reference=m.reference)
    read = Button(READ_BREACH, say("breach.read"), m.breach_id, ButtonStyle.PRIMARY, opens_form=True)
    facts = Facts((Fact(say("breach.kind"), say(f"breach.kind_{m.kind}")), Fact(say("breach.found"), _at(school, m.found_at))))
    if m.decided:
        text, tone = say("breach.message_decided", reference=m.reference), Tone.SUCCESS
    else:
        due, tone = _at(school, m.due_at), Tone.DANGER if m.late else Tone.WARNING
        text = (
            say("breach.message_late", due=due)
            if m.late
            else say("breach.message_reminder" if m.reminder else "breach.message_new", due=due)
        )
    return Card(title, text, (Banner(text, tone), facts, Buttons((read,))))


def _typed_moment(school: School, q: BreachQuestions) -> datetime:
    try:
        typed = datetime.fromisoformat(q.filled[FOUND])
    except (KeyError, ValueError):
        return q.now
    return typed if typed.tzinfo is not None else typed.replace(tzinfo=school.calendar.timezone)


def _at(school: School, at: datetime) -> str:
    local = at.astimezone(school.calendar.timezone)
    return f"{day_of(local.date())}, {local:%H:%M}"
