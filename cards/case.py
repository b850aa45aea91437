"""A case as somebody with a right to it reads it, and the forms to hand it on and to close it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cards.case_changes import course_parts
from cards.chronology import background_parts
from cards.filled import with_faults
from cards.keeping import keeping_button
from cards.log_form import log_form_button
from cards.measures import unsettled_banners
from cards.messages import ACKNOWLEDGE, CLOSE, HAND_ON
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Choice,
    Confirm,
    Fact,
    Facts,
    Form,
    Leaf,
    Option,
    Part,
    Section,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.readers import readers_button
from cards.steps import policy_source, steps_section, warnings
from cards.texts import moment, say, texts
from cards.timeline import recent_parts
from domain.case_changes import Result
from domain.incident import Alert, AlertState, CaseFile, PossibleMatch, TaskFile
from domain.measures import Unsettled
from domain.people import School
from domain.report_form import LONGEST_TEXT, Fault
from domain.words import Doer, Role

CASE, HAND_ON_FORM, CLOSE_FORM, TASK, OPEN_FORM = "case", "hand_on", "close_case", "task", "open_case"
_SETTLED = Unsettled()
_OF_KEEPING = frozenset({"keeping.ended", "keeping.proposed", "case.erased"})
SAME_PERSON, OTHER_PERSON = "same_person", "other_person"


def case_form(school: School, case: CaseFile) -> Form:
    """All of a case, with what its reader may do."""
    i = case.incident
    if case.narrative.erased:
        return _erased_form(school, case)
    return Form(
        id=CASE,
        title=say("case.title", reference=i.reference),
        parts=(
            Text(say("case.logged"), Weight.MUTED),
            *_changed(case),
            *((Banner(say("case.danger"), Tone.DANGER),) if i.facts.immediate_danger else ()),
            *warnings(school, case.warnings),
            *(_possible(case, match) for match in case.possible if match.typed),
            _overview(school, case),
            _people(case),
            *(background_parts(school, case.background) if case.background is not None else ()),
            *_narrative(case),
            _duties(school, case),
            *_steps(school, case),
            *policy_source(school, (*case.warnings, *case.actions)),
            *_outside(school, case),
            *_notes(school, case),
            *(course_parts(school, i, case.course) if case.course is not None else ()),
            *(recent_parts(school, case.timeline) if case.timeline is not None else ()),
            _log(school, case),
            _record(school, case),
            *_of_the_record(case),
            *_buttons(case),
        ),
        state=i.id,
    )


def _erased_form(school: School, case: CaseFile) -> Form:
    """What is left of a case that was erased: what figures are made of, and who had it erased."""
    i = case.incident
    concern = school.policy.concerns.get(i.facts.concern)
    facts = (
        Fact(say("alert.concern"), concern.label if concern else i.facts.concern),
        Fact(say("alert.urgency"), say(f"urgency.{i.urgency}")),
        Fact(say("alert.state"), say(f"state.{i.state}")),
        Fact(say("case.about"), say(f"about.{i.facts.about}")),
        Fact(say("case.reported"), moment(school, i.reported_at)),
    )
    kept = replace(case, log=tuple(e for e in case.log if e.action in _OF_KEEPING))
    banner = Banner(say("case.erased"), Tone.WARNING)
    log = (_log(school, kept),) if kept.log else ()
    parts = (Text(say("case.logged"), Weight.MUTED), *_changed(case), banner, Facts(facts), *log)
    return Form(CASE, say("case.title", reference=i.reference), parts, state=i.id)


def _changed(case: CaseFile) -> tuple[Banner, ...]:
    return (Banner(say("case.changed"), Tone.DANGER),) if case.changed else ()


def task_form(school: School, task: TaskFile) -> Form:
    """What somebody with a technical role is shown of a case: what to do, without a name and without what was written."""
    i = task.incident
    concern = school.policy.concerns.get(i.facts.concern)
    facts = [
        Fact(say("task.concern"), concern.label if concern else i.facts.concern),
        Fact(say("task.urgency"), say(f"urgency.{i.urgency}")),
        Fact(say("task.state"), say(f"state.{i.state}")),
        Fact(say("task.due"), moment(school, task.mine.due_at if task.mine else i.due_at)),
    ]
    steps = [s for s in task.actions if s.by is not Doer.REPORTER]
    return Form(
        id=TASK,
        title=say("task.title", reference=i.reference),
        parts=(
            Text(say("case.logged"), Weight.MUTED),
            Text(say("task.text")),
            *warnings(school, task.warnings),
            Facts(tuple(facts)),
            _duties(school, task),
            *steps_section(school, say("case.steps"), steps),
            *policy_source(school, (*task.warnings, *task.actions)),
            *_buttons(task),
        ),
        state=i.id,
    )


def open_form(
    school: School, reference: str, incident_id: str, told: Iterable[Role], reason: str, faults: Mapping[str, Fault]
) -> Form:
    """Why a case must be opened in an emergency, and who will be told."""
    roles = ", ".join(school.policy.role_title(r) for r in told)
    return with_faults(
        Form(
            id=OPEN_FORM,
            title=say("open_case.title"),
            parts=(
                Banner(say("open_case.text", reference=reference), Tone.WARNING),
                Text(say("open_case.told", roles=roles) if roles else say("open_case.told_nobody")),
                TextField(
                    "reason",
                    say("open_case.reason"),
                    reason,
                    say("open_case.reason_hint"),
                    multiline=True,
                    max_length=LONGEST_TEXT,
                ),
            ),
            submit=say("open_case.submit"),
            state=incident_id,
        ),
        faults,
    )


def hand_on_form(
    reference: str, state: str, choices: Iterable[tuple[str, str]], chosen: str, reason: str, faults: Mapping[str, Fault]
) -> Form:
    """To whom, and why."""
    options = tuple(Option(key, label) for key, label in choices)
    if not options:
        return Form(HAND_ON_FORM, say("hand_on.title"), (Banner(say("hand_on.nobody"), Tone.WARNING),))
    return with_faults(
        Form(
            id=HAND_ON_FORM,
            title=say("hand_on.title"),
            parts=(
                Text(say("hand_on.text", reference=reference)),
                Choice("to", say("hand_on.to"), options, chosen, compact=True),
                TextField(
                    "reason", say("hand_on.reason"), reason, say("hand_on.reason_hint"), multiline=True, max_length=LONGEST_TEXT
                ),
            ),
            submit=say("hand_on.submit"),
            state=state,
        ),
        faults,
    )


def close_form(
    reference: str,
    alert_id: str,
    outcome: str,
    faults: Mapping[str, Fault],
    open_actions: int = 0,
    unsettled: Unsettled = _SETTLED,
    result: str | None = None,
) -> Form:
    """How it ended, with the `result` in a word, unless it is a task that has none.

    `open_actions`: so many are not done, which is said and forbids nothing; nor does what is `unsettled`.
    """
    left = say("close.actions_one") if open_actions == 1 else say("close.actions", count=open_actions)
    return with_faults(
        Form(
            id=CLOSE_FORM,
            title=say("close.title"),
            parts=(
                Text(say("close.text", reference=reference)),
                *((Banner(left, Tone.WARNING),) if open_actions else ()),
                *unsettled_banners(unsettled),
                *_result(result),
                TextField("outcome", say("close.outcome"), outcome, multiline=True, max_length=LONGEST_TEXT),
            ),
            submit=say("close.submit"),
            state=alert_id,
        ),
        faults,
    )


def _result(chosen: str | None) -> tuple[Choice, ...]:
    options = tuple(Option(result, say(f"result.{result}")) for result in Result)
    known = chosen if chosen in {o.value for o in options} else ""
    return (Choice("result", say("close.result"), options, known or "", compact=True),) if chosen is not None else ()


def recipient_label(person: str, role: str, group: str) -> str:
    """Somebody to hand a case on to."""
    return (
        say("hand_on.choice_group", person=person, role=role, group=group)
        if group
        else say("hand_on.choice", person=person, role=role)
    )


def _possible(case: CaseFile, match: PossibleMatch) -> Section:
    value = f"{case.incident.id}|{match.person_id}"
    sure = Confirm(
        say("case.possible_confirm_title"),
        say("case.possible_confirm", person=match.person),
        say("case.confirm_yes"),
        say("case.confirm_no"),
    )
    return Section(
        say("case.possible_title"),
        (
            Text(say("case.possible", typed=match.typed, person=match.person)),
            Buttons(
                (
                    Button(SAME_PERSON, say("case.possible_yes", person=match.person), value, opens_form=True),
                    Button(OTHER_PERSON, say("case.possible_no"), value, opens_form=True, confirm=sure),
                )
            ),
        ),
    )


def _overview(school: School, case: CaseFile) -> Facts:
    i, f = case.incident, case.incident.facts
    concern = school.policy.concerns.get(f.concern)
    reporter = case.reporter or say("case.unlisted_reporter")
    facts = [
        Fact(say("alert.concern"), concern.label if concern else f.concern),
        Fact(say("alert.urgency"), say(f"urgency.{i.urgency}")),
        Fact(say("alert.state"), say(f"state.{i.state}")),
        Fact(say("case.about"), say(f"about.{f.about}")),
        Fact(say("case.reported"), say("case.reported_by", when=moment(school, i.reported_at), reporter=reporter)),
        Fact(say("case.when"), moment(school, i.occurred_at)),
    ]
    if case.narrative.where:
        facts.append(Fact(say("case.where"), case.narrative.where))
    if f.repeat is not None:
        facts.append(Fact(say("case.repeat"), say("case.repeat_yes" if f.repeat else "case.repeat_no")))
    if f.illegal_suspected is not None:
        facts.append(Fact(say("case.illegal"), say("case.illegal_yes" if f.illegal_suspected else "case.illegal_no")))
    return Facts(tuple(facts))


def _people(case: CaseFile) -> Section:
    people = tuple(Fact(say(f"participant.{p.role}"), p.name) for p in case.participants)
    return Section(say("case.people"), (Facts(people) if people else Text(say("case.nobody_named")),))


def _narrative(case: CaseFile) -> tuple[Section, ...]:
    n = case.narrative
    told = ((say("case.happened"), n.what_happened), (say("case.done"), n.done_already), (say("case.link"), n.link))
    return tuple(Section(title, (Text(text),)) for title, text in told if text)


def _steps(school: School, case: CaseFile) -> tuple[Section, ...]:
    """All of the policy's steps: those of whoever answers for the case, then what the reporter was asked to do alone."""
    own = [s for s in case.actions if s.by is not Doer.REPORTER]
    theirs = [s for s in case.actions if s.by is Doer.REPORTER]
    return (
        *steps_section(school, say("case.steps"), own),
        *steps_section(school, say("case.steps_reporter"), theirs),
    )


def _duties(school: School, case: CaseFile | TaskFile) -> Section:
    return Section(say("case.duties"), (Facts(tuple(_duty(school, a, owner) for a, owner in case.duties)),))


def _duty(school: School, alert: Alert, owner: str) -> Fact:
    role = " / ".join(school.policy.role_title(r) for r in alert.roles)
    if alert.state is AlertState.DONE:
        return Fact(role, say("case.duty_done", owner=owner))
    if alert.acknowledged_at is None:
        return Fact(role, say("case.duty_open"))
    return Fact(role, say("case.duty_owned", owner=owner, when=moment(school, alert.acknowledged_at)))


def _outside(school: School, case: CaseFile) -> tuple[Section, ...]:
    if not case.outside:
        return ()
    agencies = ", ".join(school.policy.role_title(r) for r in case.outside)
    return (Section(say("case.outside"), (Text(say("case.outside_note", agencies=agencies)),)),)


def _notes(school: School, case: CaseFile) -> tuple[Section, ...]:
    lines: tuple[Leaf, ...] = tuple(
        Text(say("case.note", when=moment(school, note.at), who=who, text=note.text)) for note, who in case.notes if note.text
    )
    return (Section(say("case.notes"), lines),) if lines else ()


def _log(school: School, case: CaseFile) -> Section:
    lines = "\n".join(
        say("case.log_line", when=moment(school, e.at), who=e.who, action=texts().get(f"action.{e.action}", e.action))
        for e in case.log
    )
    return Section(say("case.log"), (Text(lines, Weight.MUTED),))


def _record(school: School, case: CaseFile) -> Section:
    """The entry of the school's own log: number, by whom, to whom, both times, who was involved, what happened and was done."""
    i, n = case.incident, case.narrative
    concern = school.policy.concerns.get(i.facts.concern)
    reporter = case.reporter or say("case.unlisted_reporter")
    duties = (_duty(school, alert, owner) for alert, owner in case.duties)
    people = (say("case.record_person", name=p.name, role=say(f"participant.{p.role}")) for p in case.participants)
    entry = say(
        "case.record_entry",
        reference=i.reference,
        reported=say("case.reported_by", when=moment(school, i.reported_at), reporter=reporter),
        duties="; ".join(say("case.record_duty", role=d.label, state=d.value) for d in duties),
        concern=concern.label if concern else i.facts.concern,
        about=say(f"about.{i.facts.about}"),
        people="; ".join(people) or say("case.nobody_named"),
        when=moment(school, i.occurred_at),
        where=say("case.record_where", where=n.where) if n.where else "",
        what=n.what_happened,
    )
    done = (say("case.record_done", text=n.done_already),) if n.done_already else ()
    notes = (say("case.note", when=moment(school, note.at), who=who, text=note.text) for note, who in case.notes)
    text = "\n".join((entry, *done, *notes))
    return Section(say("case.record"), (Text(say("case.record_hint"), Weight.MUTED), Text(text)))


def _of_the_record(case: CaseFile) -> tuple[Part, ...]:
    """The log form for whoever works the case, and what whoever answers for the records may ask of this one."""
    log_form = (log_form_button(case.incident.id),) if case.timeline is not None else ()
    readers = (readers_button(case.incident.id),) if case.may_see_readers else ()
    keeping = (keeping_button(case.incident.id),) if case.may_keep else ()
    found = (*log_form, *readers, *keeping)
    return (Buttons(found),) if found else ()


def _buttons(case: CaseFile | TaskFile) -> tuple[Part, ...]:
    alert = case.mine
    if alert is None or not case.incident.is_open or alert.state is AlertState.DONE:
        return ()
    hand_on = Button(HAND_ON, say("case.hand_on"), alert.id, opens_form=True)
    if alert.state is AlertState.OPEN:
        return (Buttons((Button(ACKNOWLEDGE, say("case.acknowledge"), alert.id, ButtonStyle.PRIMARY), hand_on)),)
    return (Buttons((hand_on, Button(CLOSE, say("case.close"), alert.id, opens_form=True))),)
