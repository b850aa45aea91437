"""What was written in a case while it was worked, the forms to add to it, and what is said of an action that is overdue."""

from collections.abc import Iterable

from cards.checklist import agencies_section, checklist_parts, decision_fields, kind_fields, line_facts
from cards.filled import area, chosen, member_field, moment_of, typed, with_faults
from cards.measures import MAKE_ACTION, advice_parts, measure_body, measure_facts, measure_fields, more_buttons, standing_parts
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
    Leaf,
    MomentField,
    Option,
    Part,
    Section,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.texts import dated, say
from domain.casework import DecisionQuestions, DecisionSteps, EntryQuestions, KindOfEntry, StepsPage
from domain.checklists import OWN, WHY, Checklist
from domain.checklists import wording as words_of
from domain.entries import (
    ADDED,
    CONTACTS,
    DOER,
    DONE,
    DUE,
    KIND,
    LONGEST_LINE,
    OUTCOME,
    REFERENCE,
    STATUS,
    TEXT,
    TO_DO,
    WHAT,
    WHEN,
    WHO,
    WHOM,
    Action,
    Contact,
    Decided,
    EntryKind,
    Line,
    Note,
    Overdue,
    Timeline,
    Wording,
)
from domain.grids import Stage
from domain.measures import NO, REFUSED, YES
from domain.messages import ActionMessage
from domain.people import School
from domain.report_form import LONGEST_TEXT

SHOW_TIMELINE, ADD_ENTRY, CORRECT_ENTRY, ACTION_DONE = "timeline", "add_entry", "correct_entry", "action_done"
SHOW_STEPS, DECIDE_STEPS = "policy_steps", "decide_steps"
TIMELINE, STEPS, ENTRY_KIND_FORM, ENTRY_FORM = "timeline_page", "steps_page", "entry_kind", "entry"
DECISION_FORM, DECISION_STEPS_FORM = "decision_kind", "decision_steps"
_MOST_OVERDUE = 5


# To read


def recent_parts(school: School, timeline: Timeline) -> tuple[Part, ...]:
    """What a case's own page shows of its timeline, and the ways to the rest and to add to it."""
    shown = [part for line in timeline.lines for part in _entry(school, timeline.incident_id, line, pressed=False)]
    nothing = () if shown else (Text(say("timeline.empty"), Weight.MUTED),)
    i = timeline.incident_id
    buttons = Buttons(
        (
            Button(ADD_ENTRY, say("timeline.add"), i, opens_form=True),
            Button(SHOW_TIMELINE, say("timeline.show"), i, opens_form=True),
            Button(SHOW_STEPS, say("timeline.steps"), i, opens_form=True),
        )
    )
    standing = standing_parts(school, timeline.standing)
    return (*standing, Text(say("timeline.recent"), Weight.HEADING), *nothing, *shown, buttons)


def timeline_form(school: School, timeline: Timeline) -> Form:
    """A page of the timeline, in time order."""
    i, n = timeline.incident_id, timeline.number
    parts: list[Part] = [Text(say("case.logged"), Weight.MUTED)]
    if timeline.saved:
        parts.append(Banner(say("timeline.saved"), Tone.SUCCESS))
    if timeline.untold:
        parts.append(Banner(say("timeline.untold"), Tone.WARNING))
    parts += standing_parts(school, timeline.standing)
    if not timeline.lines:
        parts.append(Text(say("timeline.empty")))
    parts += [part for line in timeline.lines for part in _entry(school, i, line, pressed=True)]
    buttons = [Button(ADD_ENTRY, say("timeline.add"), i, opens_form=True)]
    if n > 1:
        buttons.append(Button(SHOW_TIMELINE, say("timeline.older"), f"{i}|{n - 1}", opens_form=True))
    if n < timeline.pages:
        buttons.append(Button(SHOW_TIMELINE, say("timeline.newer"), f"{i}|{n + 1}", opens_form=True))
    if timeline.pages > 1:
        parts.append(Text(say("timeline.page", number=n, pages=timeline.pages), Weight.MUTED))
    return Form(TIMELINE, say("timeline.title", reference=timeline.reference), (*parts, Buttons(tuple(buttons))), state=i)


def _entry(school: School, incident_id: str, line: Line, *, pressed: bool) -> Iterable[Part]:
    """An entry, and under it each earlier wording. `pressed`: with what may be done about it."""
    facts = [Fact(say("timeline.by"), line.who or say("timeline.somebody")), *_facts(school, line.now)]
    if line.before:
        facts.append(
            Fact(say("timeline.corrected"), say("timeline.corrected_by", when=dated(school, line.now.at), who=_who(line.now)))
        )
    if line.kind is EntryKind.ACTION:
        facts.append(Fact(say("timeline.state"), _state(school, line)))
    buttons = [Button(CORRECT_ENTRY, say("timeline.correct"), f"{incident_id}|{line.id}", opens_form=True)]
    buttons += more_buttons(incident_id, line)
    if line.is_open:
        buttons.append(Button(ACTION_DONE, say("timeline.mark_done"), f"{incident_id}|{line.id}", opens_form=True))
    title = say("timeline.entry", when=dated(school, line.at), kind=say(f"timeline.kind_{line.kind}"))
    yield Section(title, (Facts(tuple(facts)), *_body(line.now), *((Buttons(tuple(buttons)),) if pressed else ())))
    for number, wording in enumerate(line.before if pressed else ()):
        first = number == 0 and wording.at == line.at
        head = say(
            "timeline.before" if first else "timeline.before_corrected", when=dated(school, wording.at), who=_who(wording)
        )
        own = _facts(school, wording)
        yield Section(head, (*((Facts(tuple(own)),) if own else ()), *_body(wording)))


def entry_told(school: School, line: Line) -> tuple[str, tuple[str, ...]]:
    """An entry as a heading and plain lines, for where it is written down elsewhere; with each earlier wording."""
    told: list[str] = []
    first, *before = (part for part in _entry(school, "", line, pressed=True) if isinstance(part, Section))
    for number, section in enumerate((first, *before)):
        told += [section.title] if number else []
        for leaf in section.parts:
            if isinstance(leaf, Facts):
                told += [say("timeline.told", label=fact.label, value=fact.value) for fact in leaf.items]
            elif isinstance(leaf, Text | Banner):
                told += leaf.text.splitlines()
    return first.title, tuple(told)


def _who(wording: Wording) -> str:
    return wording.who or say("timeline.somebody")


def _state(school: School, line: Line) -> str:
    if line.done_at is not None:
        return say("timeline.done", when=dated(school, line.done_at), who=line.done_by or say("timeline.somebody"))
    return say("timeline.overdue" if line.overdue else "timeline.to_do")


def _facts(school: School, wording: Wording) -> list[Fact]:
    match wording.told:
        case Note():
            return []
        case Action(due_at=due):
            by = dated(school, due) if due is not None else say("timeline.no_date")
            return [Fact(say("timeline.doer"), wording.doer or say("timeline.somebody")), Fact(say("timeline.due"), by)]
        case Contact(whom=role, at=at, who=who, reference=reference, refused=refused):
            whom = school.policy.role_title(role)
            named = say("timeline.whom_named", whom=whom, who=who) if who else whom
            facts = [Fact(say("timeline.whom"), named), Fact(say("timeline.at"), dated(school, at))]
            facts += [Fact(say("timeline.reference"), reference)] if reference else []
            return [*facts, Fact(say("entry.refused"), say("timeline.refused"))] if refused else facts
        case Decided(decision=d, kind_name=kind, row_name=row):
            facts = [Fact(say("timeline.line"), row or kind or say("timeline.no_line"))]
            facts += [Fact(say("grid.is"), kind)] if row else []
            if d.times is not None:
                facts.append(Fact(say("grid.times"), say(f"grid.times_{d.times}")))
            if d.differs:
                facts.append(Fact(say("timeline.differs"), ", ".join(say(f"timeline.differs_{x}") for x in d.differs)))
            return facts
        case told:
            return measure_facts(school, wording, told)


def _body(wording: Wording) -> tuple[Leaf, ...]:
    match wording.told:
        case Note(text=text) | Action(what=text) | Contact(outcome=text):
            return (Text(text),)
        case Decided(decision=d, words=words):
            own = (say("timeline.own", text=d.own),) if d.own else ()
            reason = (say("timeline.reason", text=d.reason),) if d.reason else ()
            steps = ("\n".join(say("timeline.step", step=word) for word in words),) if words else ()
            return tuple(Text(text) for text in (*steps, *own, *reason))
        case told:
            return tuple(Text(text) for text in measure_body(told))


def steps_form(school: School, page: StepsPage) -> Form:
    """What the policy says to do, whom to turn to, and the way to decide."""
    i = page.incident
    decide = Button(DECIDE_STEPS, say("timeline.decide"), i.id, ButtonStyle.PRIMARY, opens_form=True)
    parts = (
        Text(say("case.logged"), Weight.MUTED),
        *advice_parts(school, i.id, page.advice),
        *checklist_parts(school, page.suggestion, page.counted),
        Buttons((decide,)),
        *_to_actions(school, page),
        *agencies_section(school, page.offered),
    )
    return Form(STEPS, say("case.title", reference=i.reference), parts, state=i.id)


def _to_actions(school: School, page: StepsPage) -> tuple[Part, ...]:
    """Each step with the way to make an action of it by one press."""
    if not isinstance(page.suggestion, Checklist):
        return ()
    parts: list[Leaf] = []
    for item in (i for stage in Stage for i in page.suggestion.of(stage)):
        step, value = words_of(school.policy, item.action), f"{page.incident.id}|{item.action.id}"
        parts.append(Text(say("measure.of_step", step=step)))
        if item.action.id in page.made:
            parts.append(Text(say("measure.is_action"), Weight.MUTED))
        else:
            parts.append(Buttons((Button(MAKE_ACTION, say("measure.make_action"), value, opens_form=True),)))
    return (Section(say("timeline.to_actions"), tuple(parts)),)


# To fill in


def entry_kind_form(asked: KindOfEntry) -> Form:
    """What is to be added."""
    options = tuple(Option(kind, say(f"entry.kind_{kind}")) for kind in ADDED)
    return with_faults(
        Form(
            ENTRY_KIND_FORM,
            say("entry.title"),
            (Text(say("entry.text", reference=asked.incident.reference)), Choice(KIND, say("entry.kind"), options)),
            submit=say("entry.next"),
            state=asked.incident.id,
        ),
        asked.faults,
    )


def entry_form(school: School, asked: EntryQuestions) -> Form:
    """The fields of an entry, with what was filled in before."""
    kept = (Text(say("entry.kept"), Weight.MUTED),) if asked.corrects else ()
    return with_faults(
        Form(
            ENTRY_FORM,
            say("entry.title_correct") if asked.corrects else say(f"timeline.kind_{asked.kind}"),
            (Text(asked.incident.reference, Weight.HEADING), *kept, *_entry_fields(school, asked)),
            submit=say("entry.submit"),
            state=asked.state,
        ),
        asked.faults,
    )


def _entry_fields(school: School, q: EntryQuestions) -> tuple[Part, ...]:
    match q.kind:
        case EntryKind.NOTE:
            return (area(q, TEXT, say("entry.note")),)
        case EntryKind.ACTION:
            return _action_fields(school, q)
        case EntryKind.CONTACT:
            options = tuple(Option(role, school.policy.role_title(role)) for role in CONTACTS)
            refused = tuple(Option(value, say(f"entry.refused_{value}")) for value in (NO, YES))
            answer, hint = chosen(q, REFUSED, (NO, YES)) or NO, say("entry.refused_hint")
            return (
                Choice(WHOM, say("entry.whom"), options, chosen(q, WHOM, CONTACTS), compact=True),
                TextField(WHO, say("entry.who"), typed(q, WHO), required=False, max_length=LONGEST_LINE),
                MomentField(WHEN, say("entry.when"), moment_of(school, q, WHEN) or q.now),
                area(q, OUTCOME, say("entry.outcome")),
                TextField(REFERENCE, say("entry.reference"), typed(q, REFERENCE), required=False, max_length=LONGEST_LINE),
                Choice(REFUSED, say("entry.refused"), refused, answer, hint, required=False, compact=True),
            )
        case _:
            return measure_fields(school, q)


def _action_fields(school: School, q: EntryQuestions) -> tuple[Part, ...]:
    states = tuple(Option(state, say(f"entry.status_{state}")) for state in (TO_DO, DONE))
    state = chosen(q, STATUS, (TO_DO, DONE)) or TO_DO
    status = () if q.corrects else (Choice(STATUS, say("entry.status"), states, state),)
    return (
        area(q, WHAT, say("entry.what")),
        member_field(q, DOER, say("entry.doer"), q.doer, say("entry.doer_hint")),
        *status,
        MomentField(DUE, say("entry.due"), moment_of(school, q, DUE), say("entry.due_hint"), required=False),
    )


def decision_form(school: School, asked: DecisionQuestions) -> Form:
    """Which line of the grid it is, and how often it has happened."""
    text = Text(say("decision.text", reference=asked.incident.reference))
    fields = kind_fields(school.policy, asked.kinds, asked.chosen, asked.times)
    return with_faults(
        Form(DECISION_FORM, say("decision.title"), (text, *fields), submit=say("decision.next"), state=asked.incident.id),
        asked.faults,
    )


def decision_steps_form(school: School, asked: DecisionSteps) -> Form:
    """What is decided on each step; where the grid has none, in words."""
    fields: tuple[Part, ...]
    if asked.taken is not None:
        fields = (line_facts(asked.taken), *decision_fields(school, asked.taken, asked.steps, asked.own, asked.reason))
    else:
        own = TextField(OWN, say("decision.own_only"), asked.own, multiline=True, max_length=LONGEST_TEXT)
        why = TextField(WHY, say("grid.why"), asked.reason, required=False, multiline=True, max_length=LONGEST_TEXT)
        fields = (own, why)
    kept = (Text(say("entry.kept"), Weight.MUTED),) if asked.corrects else ()
    return with_faults(
        Form(
            DECISION_STEPS_FORM,
            say("decision.title_steps"),
            (
                Text(say("decision.steps_text", reference=asked.incident.reference)),
                *advice_parts(school, asked.incident.id, asked.advice, pressed=False),
                *kept,
                *fields,
            ),
            submit=say("decision.submit"),
            state=asked.state,
        ),
        asked.faults,
    )


# What is overdue


def action_card(school: School, m: ActionMessage) -> Card:
    """That something is not done in time, or has been since; nothing of what it is."""
    due = dated(school, m.due_at) if m.due_at is not None else say("timeline.no_date")
    text = say("due.done", reference=m.reference) if m.done else _due(m, due)
    show = Buttons((Button(SHOW_TIMELINE, say("due.show"), m.incident_id, opens_form=True),))
    ask = Text(say("due.ask"), Weight.MUTED)
    after: tuple[Part, ...] = (show,) if m.reads else () if m.done else (ask,)
    title = say("due.title_done" if m.done else "due.title", reference=m.reference)
    return Card(title, text, (Banner(text, Tone.SUCCESS if m.done else Tone.WARNING), *after))


def _due(m: ActionMessage, due: str) -> str:
    return say("due.own" if m.own else "due.other", reference=m.reference, due=due)


def overdue_parts(school: School, found: tuple[Overdue, ...]) -> tuple[Part, ...]:
    """Actions that are overdue, for a list."""
    if not found:
        return ()
    parts: list[Leaf] = [part for one in found[:_MOST_OVERDUE] for part in overdue_line(school, one)]
    if (hidden := len(found) - _MOST_OVERDUE) > 0:
        parts.append(Text(say("due.more", count=hidden), Weight.MUTED))
    return (Section(say("due.list"), tuple(parts)),)


def overdue_line(school: School, one: Overdue) -> Iterable[Leaf]:
    """One of them, with the way to it for whoever works the case."""
    yield Text(say("due.line_own" if one.own else "due.line", reference=one.reference, due=dated(school, one.due_at)))
    if one.reads:
        yield Buttons((Button(SHOW_TIMELINE, say("due.show"), one.incident_id, opens_form=True),))
