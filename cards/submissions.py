"""Requests: what may be asked for, the form of each, one with all that was done with it, pages of all, the messages."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from cards.breaches import READ_BREACH
from cards.clauses import points
from cards.export import taken_out_card
from cards.filled import moment_in, text_in, with_faults
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Choice,
    Confirm,
    Fact,
    Facts,
    Field,
    Form,
    Leaf,
    MomentField,
    Option,
    Part,
    PeopleField,
    PersonChoice,
    Section,
    Table,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.opening import opening_card
from cards.registers import READ_RECORD
from cards.texts import dated, listed, say
from domain.exports import Page
from domain.messages import SubmissionMessage, SubmissionPart
from domain.people import School
from domain.request_types import LONGEST, LONGEST_LINE, Item, ItemType, RequestType
from domain.submissions import (
    ANSWER_FIELD,
    LIVE,
    NOTE_FIELD,
    Doing,
    Leave,
    Led,
    Place,
    RequestMenu,
    SubmissionFile,
    SubmissionLine,
    SubmissionPage,
    SubmissionQuestions,
    SubmissionState,
    SubmissionVersion,
)

SHOW_REQUESTS, NEW_REQUEST, READ_SUBMISSION = "show_requests", "new_request", "read_submission"
REWORD_SUBMISSION, WITHDRAW_SUBMISSION, END_SUBMISSION = "reword_submission", "withdraw_submission", "end_submission"
DO_TASK, SHOW_SUBMISSIONS, EXPORT_SUBMISSIONS = "do_task", "show_submissions", "export_submissions"
MENU, QUESTIONS, FILE, PAGE = "requests", "submission_form", "submission", "submissions"

_OPENS: Mapping[Led, str] = {Led.BREACH: READ_BREACH, Led.FILTER: READ_RECORD}
_MOST_SHOWN: Final = 140
_MOST_HISTORY: Final = 12
_TONES: Mapping[SubmissionState, Tone] = {
    SubmissionState.WAITING: Tone.INFO,
    SubmissionState.RETURNED: Tone.WARNING,
    SubmissionState.GRANTED: Tone.SUCCESS,
    SubmissionState.REFUSED: Tone.WARNING,
    SubmissionState.WITHDRAWN: Tone.INFO,
    SubmissionState.ENDED: Tone.INFO,
}


# What may be asked for


def requests_card() -> Card:
    """In answer to the word in a chat, where no dialog can be opened without a press."""
    return opening_card(say("submission.menu"), say("submission.menu_text"), SHOW_REQUESTS, say("submission.open_menu"))


def menu_form(school: School, menu: RequestMenu) -> Form:
    """What somebody may ask for, under what it has to do with; above it what waits for them."""
    parts: list[Part] = [Text(say("submission.menu_text"))]
    waiting = (say("submission.to_answer", count=len(menu.to_answer)), menu.to_answer)
    undone = (say("submission.to_do", count=len(menu.to_do)), menu.to_do)
    for title, lines in (waiting, undone):
        if lines:
            parts.append(Section(title, tuple(leaf for line in lines for leaf in _line(school, line, names=True))))
    for group, kinds in menu.types:
        buttons = tuple(Button(NEW_REQUEST, kind.title, kind.id, opens_form=True) for kind in kinds)
        parts.append(Section(school.policy.request_groups[group], (Buttons(buttons),)))
    if not menu.types:
        parts.append(Text(say("submission.nothing_to_ask")))
    if menu.own:
        found = tuple(leaf for line in menu.own for leaf in _line(school, line, names=False))
        parts.append(Section(say("submission.own"), found))
    if menu.more:
        parts.append(Text(say("submission.more"), Weight.MUTED))
    if menu.registers:
        label = {kind.id: say("submission.all_of", title=kind.title) for kind in menu.registers}
        buttons = tuple(Button(SHOW_SUBMISSIONS, label[kind.id], kind.id, opens_form=True) for kind in menu.registers)
        parts.append(Section(say("submission.registers"), (Buttons(buttons),)))
    return Form(MENU, say("submission.menu"), tuple(parts))


def _line(school: School, line: SubmissionLine, *, names: bool) -> tuple[Leaf, ...]:
    s = line.submission
    if not line.title:
        gone = Text(say("submission.type_gone"), Weight.MUTED)
        return (Text(say("submission.line_gone", reference=s.reference, state=state_of(s.place)), Weight.HEADING), gone)
    head = say("submission.line", reference=s.reference, title=line.title, state=state_of(s.place))
    about = [_shortened(line.headline)] if line.headline else []
    if names and line.asker:
        about.append(say("submission.line_asker", asker=line.asker, when=dated(school, s.sent_at)))
    elif s.place.until is not None and s.place.state in LIVE:
        about.append(say("submission.line_until", when=dated(school, s.place.until)))
    read = Buttons((Button(READ_SUBMISSION, say("submission.read", reference=s.reference), s.id, opens_form=True),))
    return (Text(head, Weight.HEADING), *((Text("\n".join(about)),) if about else ()), read)


def state_of(place: Place) -> str:
    """Where one stands, in a few words."""
    to_do = place.tasks and place.state in {SubmissionState.GRANTED, SubmissionState.ENDED}
    return say("submission.state_to_do" if to_do else f"submission.state_{place.state}")


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "\u2026"


def page_form(school: School, page: SubmissionPage, shown_id: str = "") -> Form:
    """A page of all requests of a type. `shown_id`: its button to take them out, pressed twice, has one page made."""
    kind = page.type
    parts: list[Part] = [Text(kind.about, Weight.MUTED), *_clauses(school, kind)]
    if not page.lines:
        parts.append(Text(say("submission.empty")))
    for line in page.lines:
        parts += _line(school, line, names=True)
    buttons = []
    if not page.begins:
        buttons.append(Button(SHOW_SUBMISSIONS, say("submission.first"), f"{kind.id}|{int(page.live)}", opens_form=True))
    if page.after:
        buttons.append(
            Button(SHOW_SUBMISSIONS, say("submission.next"), f"{kind.id}|{int(page.live)}|{page.after}", opens_form=True)
        )
    other = say("submission.show_all" if page.live else "submission.show_live")
    buttons.append(Button(SHOW_SUBMISSIONS, other, f"{kind.id}|{int(not page.live)}", opens_form=True))
    buttons.append(Button(EXPORT_SUBMISSIONS, say("register.export"), f"{kind.id}|{shown_id}", opens_form=True))
    return Form(PAGE, kind.title, (*parts, Buttons(tuple(buttons))))


def exported_card(school: School, kind: RequestType, made: Page, passphrase: str) -> Card:
    """Where the page with all of a type lies and until when, and the passphrase, which is shown here and nowhere else."""
    return taken_out_card(school, kind.title, made, passphrase)


def _clauses(school: School, kind: RequestType) -> tuple[Part, ...]:
    return (Text(say("submission.cites", clauses="; ".join(points(school, kind.cites))), Weight.MUTED),) if kind.cites else ()


# To fill in


def questions_form(school: School, q: SubmissionQuestions) -> Form:
    """The form of a type, with what was filled in before; who will be asked, and on which clause it stands."""
    kind = q.type
    parts: list[Part] = [Banner(say("submission.stale"), Tone.WARNING)] if q.stale else []
    if q.record is not None:
        parts += [Text(q.record.reference, Weight.HEADING), Section(say("submission.asked_back"), (Text(q.asked_back),))]
    parts += [Text(kind.about), *_clauses(school, kind)]
    parts += [_field(school, q, item) for item in kind.items]
    if q.waits_for:
        parts.append(Text(say("submission.goes_to", names=listed(q.waits_for, "and")), Weight.MUTED))
    parts.append(Text(say("submission.no_names"), Weight.MUTED))
    return with_faults(Form(QUESTIONS, kind.title, tuple(parts), submit=say("submission.submit"), state=q.state), q.faults)


def _field(school: School, q: SubmissionQuestions, item: Item) -> Field:
    typed = text_in(q.filled, item.field)
    match item.type:
        case ItemType.TEXT:
            return TextField(
                item.field, item.label, typed, item.hint, required=item.required, multiline=True, max_length=LONGEST
            )
        case ItemType.LINE:
            return TextField(item.field, item.label, typed, item.hint, required=item.required, max_length=LONGEST_LINE)
        case ItemType.CHOICE:
            options = tuple(Option(value, label) for value, label in (item.options or {}).items())
            known = typed if typed in {o.value for o in options} else ""
            return Choice(item.field, item.label, options, known, required=item.required, compact=True)
        case ItemType.STAFF:
            picked = q.filled.get(item.field, ())
            chosen = (picked,) if isinstance(picked, str) and picked else picked or ()
            people = tuple(PersonChoice(v, q.names.get(item.field) or v.partition(":")[2]) for v in chosen[:1])
            hint = item.hint or say("submission.staff_hint")
            return PeopleField(item.field, item.label, people, hint, required=item.required, most=1)
        case ItemType.MOMENT:
            return MomentField(item.field, item.label, moment_in(school, typed), required=item.required)


# One of them


def file_form(school: School, file: SubmissionFile) -> Form:
    """A request with all that was done with it; for those who may answer it now, with the fields of the answer."""
    s, kind = file.submission, file.type
    parts: list[Part] = []
    if file.stale:
        parts.append(Banner(say("submission.stale"), Tone.WARNING))
    if file.saved:
        parts.append(Banner(say("submission.saved", reference=s.reference), Tone.SUCCESS))
    parts += [Text(s.reference, Weight.HEADING), *_stands(school, file)]
    parts += [Facts(_facts(school, file)), *_texts(file), *_clauses(school, kind), *_history(school, file)]
    doings = _doings(file)
    if doings:
        parts.append(Buttons(doings))
    if not file.answers:
        return Form(FILE, kind.title, tuple(parts), state=file.state)
    return with_faults(
        Form(FILE, kind.title, (*parts, *_answer_fields(file)), submit=say("submission.answer"), state=file.state), file.faults
    )


def _stands(school: School, file: SubmissionFile) -> Iterable[Part]:
    place = file.submission.place
    declared = not file.type.steps
    if place.state is SubmissionState.WAITING and file.waits_for:
        yield Banner(say("submission.stands_waiting", names=listed(file.waits_for, "or")), Tone.INFO)
    elif place.state is SubmissionState.WAITING:
        yield Banner(say("submission.stands_nobody"), Tone.WARNING)
    elif place.state is SubmissionState.GRANTED and place.until is not None:
        when = dated(school, place.until)
        yield Banner(
            say("submission.stands_declared_until" if declared else "submission.stands_granted_until", when=when), Tone.SUCCESS
        )
    elif place.state is SubmissionState.GRANTED and declared:
        yield Banner(say("submission.stands_declared"), Tone.SUCCESS)
    else:
        yield Banner(say(f"submission.stands_{place.state}"), _TONES[place.state])
    for led in file.led_to:
        yield Text(
            say(f"submission.led_to_{led.what}", reference=led.reference) if led.id else say(f"submission.led_{led.what}")
        )
    if file.open_tasks:
        yield Text(say("submission.to_be_done", tasks=listed(tuple(t.title for t in file.open_tasks), "and")))


def _facts(school: School, file: SubmissionFile) -> tuple[Fact, ...]:
    facts = [
        Fact(say("submission.asker"), file.asker or say("submission.somebody")),
        Fact(say("submission.sent_at"), dated(school, file.submission.sent_at)),
    ]
    short = [item for item in file.type.items if item.type is not ItemType.TEXT]
    told = [(item.label, value_of(school, file, item, file.newest)) for item in short]
    return (*facts, *(Fact(label, value) for label, value in told if value))


def _texts(file: SubmissionFile) -> Iterable[Part]:
    for item in file.type.items:
        if item.type is ItemType.TEXT and (value := file.newest.values.get(item.id)):
            yield Section(item.label, (Text(value),))


def value_of(school: School, file: SubmissionFile, item: Item, version: SubmissionVersion) -> str:
    """A field as people read it; empty where nothing is said."""
    value = version.values.get(item.id, "")
    match item.type:
        case ItemType.TEXT | ItemType.LINE:
            return value
        case ItemType.CHOICE:
            return (item.options or {}).get(value, "")
        case ItemType.STAFF:
            return (file.names.get(value) or say("submission.somebody")) if value else ""
        case ItemType.MOMENT:
            return dated(school, datetime.fromisoformat(value)) if value else ""


def _history(school: School, file: SubmissionFile) -> Iterable[Part]:
    """Who did what when and what they said, the newest last."""
    shown = file.history[-_MOST_HISTORY:]
    columns = tuple(say(f"submission.history_{h}") for h in ("when", "who", "what"))
    rows = tuple(
        (dated(school, v.at), who or say("submission.by_itself" if not v.person_id else "submission.somebody"), did(file, v))
        for v, who in shown
    )
    yield Table(say("submission.history"), columns, rows, "")
    if len(shown) < len(file.history):
        yield Text(say("submission.history_more", shown=len(shown), count=len(file.history)), Weight.MUTED)


def did(file: SubmissionFile, v: SubmissionVersion) -> str:
    """What was done, with the words that were said to it."""
    if v.doing is Doing.DONE:
        task = file.type.task(v.task)
        return say("submission.did_done", task=task.title if task is not None else v.task)
    told = say("submission.did_declared" if v.doing is Doing.SENT and not file.type.steps else f"submission.did_{v.doing}")
    return say("submission.did_with_note", did=told, note=v.note) if v.note else told


def _doings(file: SubmissionFile) -> tuple[Button, ...]:
    s = file.submission
    found = [
        Button(DO_TASK, say("submission.do", task=task.title), f"{s.id}|{task.id}", ButtonStyle.PRIMARY, opens_form=True)
        for task in file.tasks
    ]
    if file.may_reword:
        found.append(Button(REWORD_SUBMISSION, say("submission.reword"), s.id, ButtonStyle.PRIMARY, opens_form=True))
    if file.may_withdraw:
        found.append(Button(WITHDRAW_SUBMISSION, say("submission.withdraw"), s.id, opens_form=True, confirm=_sure("withdraw")))
    found += [
        Button(_OPENS[led.what], say("submission.read", reference=led.reference), led.id, opens_form=True)
        for led in file.led_to
        if led.id
    ]
    if file.may_end:
        found.append(Button(END_SUBMISSION, say("submission.end"), s.id, opens_form=True, confirm=_sure("end")))
    if not file.answers:
        found.append(Button(SHOW_REQUESTS, say("submission.menu"), opens_form=True))
    return tuple(found)


def _sure(what: str) -> Confirm:
    title, text = say(f"submission.sure_title_{what}"), say(f"submission.sure_{what}")
    return Confirm(title, text, say("submission.yes"), say("submission.back"))


def _answer_fields(file: SubmissionFile) -> tuple[Part, ...]:
    advises = Doing.ADVISED in file.answers
    options = tuple(Option(d.value, say(f"submission.answer_{d}")) for d in file.answers)
    hint = say("submission.note_hint_advice" if advises else "submission.note_hint")
    note = TextField(
        NOTE_FIELD,
        say("submission.note"),
        text_in(file.filled, NOTE_FIELD),
        hint,
        required=advises,
        multiline=True,
        max_length=LONGEST,
    )
    return (Choice(ANSWER_FIELD, say("submission.your_answer"), options, text_in(file.filled, ANSWER_FIELD)), note)


# What is said in a chat


def submission_card(school: School, m: SubmissionMessage) -> Card:
    """What somebody has to do with a request, or became of theirs. Its words are read in a dialog."""
    title = say(f"submission.message_{m.part}", title=m.title, reference=m.reference)
    read = Button(READ_SUBMISSION, say("submission.message_read"), m.submission_id, ButtonStyle.PRIMARY, opens_form=True)
    when = dated(school, m.until) if m.until is not None else ""
    if m.settled:
        text = say(f"submission.settled_{m.part}", reference=m.reference)
        again = Button(READ_SUBMISSION, say("submission.message_read"), m.submission_id, opens_form=True)
        return Card(title, text, (Banner(text, Tone.SUCCESS), Buttons((again,))))
    buttons: tuple[Button, ...] = (read,)
    match m.part:
        case SubmissionPart.ANSWER:
            text = say("submission.text_answer_late" if m.late else "submission.text_answer")
            tone = Tone.WARNING if m.late else Tone.INFO
        case SubmissionPart.TASK:
            text = say("submission.text_task_late" if m.late else "submission.text_task", task=m.task)
            done = Button(DO_TASK, say("submission.done"), f"{m.submission_id}|{m.task_id}", opens_form=True)
            tone, buttons = Tone.WARNING if m.late else Tone.INFO, (read, done)
        case SubmissionPart.ENDING:
            text, tone = say("submission.text_ending", when=when), Tone.WARNING
        case SubmissionPart.ASKER | SubmissionPart.TOLD:
            said = f"{m.part}_{'granted_until' if m.state is SubmissionState.GRANTED and when else m.state}"
            text, tone = say(f"submission.text_{said}", when=when), _TONES[m.state]
    return Card(title, text, (Banner(text, tone), Buttons(buttons)))


def leave_parts(school: School, leaves: Iterable[Leave]) -> tuple[Part, ...]:
    """For an answer: what whoever asks has been allowed already, by whom, until when."""
    parts: list[Part] = []
    for leave in leaves:
        facts = {
            "title": leave.title,
            "reference": leave.reference,
            "since": dated(school, leave.since),
        }
        by = say("submission.leave_by", by=leave.by, **facts) if leave.by else say("submission.leave_declared", **facts)
        until = say("submission.leave_until", when=dated(school, leave.until)) if leave.until is not None else ""
        read = Button(READ_SUBMISSION, say("submission.read", reference=leave.reference), leave.submission_id, opens_form=True)
        parts += [Banner(f"{by} {until}".strip(), Tone.SUCCESS), Buttons((read,))]
    return tuple(parts)
