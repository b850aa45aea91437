"""Registers: which there are, a page of one, a line with all that was done with it, the forms to add to it, the messages."""

from collections.abc import Iterable, Mapping
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
    Choice,
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
from cards.texts import dated, say
from domain.entries import LONGEST_LINE
from domain.exports import Page
from domain.messages import RegisterMessage
from domain.people import School
from domain.register_terms import DEFINITIONS, LONGEST, FieldType, RecordState, RegisterKind, Scale, Spec
from domain.registers import (
    NOTE_FIELD,
    STATE_FIELD,
    DecisionAsked,
    Record,
    RecordFile,
    RecordLine,
    RecordQuestions,
    RegisterChoice,
    RegisterPage,
    RegisterView,
    Shown,
    Version,
)

SHOW_REGISTER, READ_RECORD = "show_register", "read_record"
ADD_RECORD, CHANGE_RECORD, DECIDE_RECORD = "add_record", "change_record", "decide_record"
EXPORT_REGISTER = "export_register"
REGISTERS, REGISTER, RECORD, RECORD_FORM, RECORD_DECISION = "registers", "register", "record", "record_form", "record_decision"

_LONGEST_TITLE: Final = 140
_MOST_HISTORY: Final = 20
_TONES = {"low": Tone.SUCCESS, "medium": Tone.WARNING, "high": Tone.DANGER}


def register_name(kind: RegisterKind) -> str:
    """What a register is called."""
    return say(f"register.name_{kind}")


# To look at


def registers_card() -> Card:
    """In answer to the word in a chat, where no dialog can be opened without a press."""
    return Card(
        say("register.choose"), say("register.choose_text"), (Text(say("register.choose_text")), _openers(RegisterKind))
    )


def choice_form(choice: RegisterChoice) -> Form:
    """The registers that somebody may look at."""
    parts: list[Part] = [Text(say("register.choose_text"))]
    for kind, count in choice.kinds:
        name = say("register.choose_line", name=register_name(kind), count=count)
        parts.append(Section(name, (Text(say(f"register.about_{kind}")), _openers((kind,)))))
    return Form(REGISTERS, say("register.choose"), tuple(parts))


def _openers(kinds: Iterable[RegisterKind]) -> Buttons:
    name = register_name
    return Buttons(tuple(Button(SHOW_REGISTER, say("register.open", name=name(k)), k.value, opens_form=True) for k in kinds))


def register_form(school: School, page: RegisterPage, shown_id: str = "") -> Form:
    """A page of a register: the matrix where there is one, the lines, and the ways on.

    `shown_id`: its button to take the register out, pressed twice, has one page made.
    """
    live = page.view is RegisterView.LIVE
    parts: list[Part] = [Text(say(f"register.about_{page.kind}"), Weight.MUTED), *_clauses(school, page.kind)]
    if page.matrix and page.number == 1:
        parts.append(_matrix(school.policy.registers[page.kind].scale, page.matrix))
    if not page.lines:
        parts.append(Text(say("register.empty_live" if live else "register.empty")))
    for line in page.lines:
        parts += _line(school, line)
    if page.pages > 1:
        parts.append(Text(say("register.page", number=page.number, pages=page.pages), Weight.MUTED))
    return Form(REGISTER, register_name(page.kind), (*parts, Buttons(tuple(_ways_on(page, shown_id, live=live)))))


def _ways_on(page: RegisterPage, shown_id: str, *, live: bool) -> Iterable[Button]:
    if page.may_write:
        yield Button(ADD_RECORD, say("register.add"), page.kind.value, ButtonStyle.PRIMARY, opens_form=True)
    at = f"{page.kind}|{page.view}"
    if page.number > 1:
        yield Button(SHOW_REGISTER, say("register.newer"), f"{at}|{page.number - 1}", opens_form=True)
    if page.number < page.pages:
        yield Button(SHOW_REGISTER, say("register.older"), f"{at}|{page.number + 1}", opens_form=True)
    other, label = (RegisterView.ALL, say("register.show_all")) if live else (RegisterView.LIVE, say("register.show_live"))
    yield Button(SHOW_REGISTER, label, f"{page.kind}|{other}", opens_form=True)
    if page.may_export:
        yield Button(EXPORT_REGISTER, say("register.export"), f"{page.kind}|{shown_id}", opens_form=True)


def exported_card(school: School, kind: RegisterKind, made: Page, passphrase: str) -> Card:
    """Where the page with a register lies and until when, and the passphrase, which is shown here and nowhere else."""
    return taken_out_card(school, register_name(kind), made, passphrase)


def _clauses(school: School, kind: RegisterKind) -> tuple[Part, ...]:
    cites = school.policy.registers[kind].cites
    return (Text(say("register.cites", clauses="; ".join(points(school, cites))), Weight.MUTED),) if cites else ()


def _matrix(scale: Scale, matrix: Mapping[str, int]) -> Table:
    """The most likely above, the worst on the right, as it is mostly drawn."""
    levels = range(1, scale.most + 1)
    columns = (say("register.matrix_head"), *(say("register.matrix_column", level=n) for n in levels))
    rows = tuple((str(row), *(_cell(scale, matrix.get(f"{row}x{n}", 0), row * n) for n in levels)) for row in reversed(levels))
    return Table(say("register.matrix"), columns, rows, say("register.matrix_none"))


def _cell(scale: Scale, count: int, score: int) -> str:
    return say("register.matrix_cell", count=count, word=say(f"register.word_{scale.word(score)}")) if count else "\u2013"


def _line(school: School, line: RecordLine) -> tuple[Leaf, ...]:
    r = line.record
    state, about = say(f"register.state_{r.state}"), list[str]()
    if line.owner:
        about.append(say("register.line_owner", owner=line.owner))
    if r.is_live and r.review_at is not None:
        about.append(_by_when(school, r, r.review_at, late=line.late))
    head = say("register.line", reference=r.reference, state=state)
    if r.levels:
        word = say(f"register.word_{_scale(school, r).word(r.rank)}")
        head = say("register.line_rated", reference=r.reference, score=r.rank, word=word, state=state)
    read = Buttons((Button(READ_RECORD, say("register.read", reference=r.reference), r.id, opens_form=True),))
    return (Text(head, Weight.HEADING), Text("\n".join(filter(None, (_shortened(line.title), " ".join(about))))), read)


def _by_when(school: School, record: Record, at: datetime, *, late: bool) -> str:
    when = dated(school, at)
    if record.kind is RegisterKind.FILTERING:
        return say("register.line_over" if late else "register.line_until", when=when)
    return say("register.line_late" if late else "register.line_review", when=when)


def _shortened(title: str) -> str:
    title = " ".join(title.split())
    return title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "\u2026"


def _scale(school: School, record: Record) -> Scale:
    return school.policy.registers[record.kind].scale


def record_form(school: School, file: RecordFile) -> Form:
    """A line with one of its versions, what was done with it, and what the reader may do."""
    r, v = file.record, file.shown.version
    parts: list[Part] = [Text(say("case.logged"), Weight.MUTED)]
    if file.saved:
        parts.append(Banner(say("register.saved"), Tone.SUCCESS))
    if v.number != r.versions:
        parts.append(Banner(say("register.older_wording", number=v.number, count=r.versions)))
    elif r.state is RecordState.WAITING:
        names = ", ".join(file.waits_for)
        parts.append(
            Banner(say("register.waits_for", people=names) if names else say("register.waits_for_nobody"), Tone.WARNING)
        )
    elif file.late:
        parts.append(Banner(say("register.over" if r.kind is RegisterKind.FILTERING else "register.late"), Tone.WARNING))
    parts += [*_rating(school, r, v), Facts(_facts(school, r, file.shown)), *_texts(r, v)]
    if v.note:
        parts.append(Text(say("register.why", note=v.note)))
    return Form(RECORD, register_name(r.kind), (*parts, _doings(file), *_history(school, file)), state=r.id)


def _rating(school: School, record: Record, version: Version) -> tuple[Part, ...]:
    score = score_of(record.kind, version)
    if score is None:
        return ()
    word = _scale(school, record).word(score)
    one, other = (version.values[level] for level in record.definition.levels or ())
    text = say("register.score_of", score=score, word=say(f"register.word_{word}"), one=one, other=other)
    return (Banner(text, _TONES[word]),)


def score_of(kind: RegisterKind, version: Version) -> int | None:
    """What the two levels come to; None in a register that has none."""
    levels = DEFINITIONS[kind].levels
    return int(version.values[levels[0]]) * int(version.values[levels[1]]) if levels is not None else None


def _facts(school: School, record: Record, shown: Shown) -> tuple[Fact, ...]:
    facts = (
        Fact(say("register.reference"), record.reference),
        Fact(say("register.state"), say(f"register.state_{shown.version.state}")),
    )
    short = [spec for spec in record.definition.fields if spec.type is not FieldType.TEXT]
    told = [(label_of(record.kind, spec), value_of(school, spec, shown)) for spec in short]
    return (*facts, *(Fact(label, value) for label, value in told if value))


def _texts(record: Record, version: Version) -> Iterable[Part]:
    for spec in record.definition.fields:
        if spec.type is FieldType.TEXT and version.values.get(spec.id):
            yield Section(label_of(record.kind, spec), (Text(version.values[spec.id]),))


def value_of(school: School, spec: Spec, shown: Shown) -> str:
    """A field as people read it; empty where nothing is said, or nothing that the reader may know."""
    value = shown.version.values.get(spec.id, "")
    match spec.type:
        case FieldType.TEXT | FieldType.LINE | FieldType.LEVEL:
            return value
        case FieldType.CHOICE:
            return say(f"register.change_{value}") if value else ""
        case FieldType.STAFF:
            return (shown.staff.get(spec.id) or say("register.somebody")) if value else ""
        case FieldType.MOMENT:
            return dated(school, datetime.fromisoformat(value)) if value else ""
        case FieldType.CASE:
            return shown.case


def label_of(kind: RegisterKind, spec: Spec) -> str:
    """What a field asks."""
    return say(f"register.field_{kind}_{spec.id}")


def _doings(file: RecordFile) -> Buttons:
    r, number = file.record, file.shown.version.number
    found = [Button(SHOW_REGISTER, register_name(r.kind), r.kind.value, opens_form=True)]
    if number == r.versions:
        if file.moves:
            found.insert(0, Button(DECIDE_RECORD, say("register.decide"), r.id, ButtonStyle.PRIMARY, opens_form=True))
        if file.may_write:
            found.insert(0, Button(CHANGE_RECORD, say("register.change"), r.id, opens_form=True))
    else:
        found.insert(0, Button(READ_RECORD, say("register.newest"), r.id, opens_form=True))
    if number > 1:
        found.append(Button(READ_RECORD, say("register.earlier"), f"{r.id}|{number - 1}", opens_form=True))
    if number + 1 < r.versions:
        found.append(Button(READ_RECORD, say("register.later"), f"{r.id}|{number + 1}", opens_form=True))
    return Buttons(tuple(found))


def _history(school: School, file: RecordFile) -> Iterable[Part]:
    """Who did what when, the newest last, with the rating that it had from then on. Only beside the newest wording."""
    r = file.record
    if file.shown.version.number != r.versions:
        return
    scored, shown = r.definition.levels is not None, file.history[-_MOST_HISTORY:]
    heads = ["when", "who", "what", "state", *(["score"] if scored else [])]
    rows = []
    for s in shown:
        v, score = s.version, score_of(r.kind, s.version)
        row = [dated(school, v.at), s.who or say("register.somebody"), say(f"register.done_{v.change}")]
        row += [say(f"register.state_{v.state}"), *([str(score)] if scored else [])]
        rows.append(tuple(row))
    yield Table(say("register.history"), tuple(say(f"register.history_{h}") for h in heads), tuple(rows), "")
    if len(shown) < len(file.history):
        yield Text(say("register.history_more", shown=len(shown), count=len(file.history)), Weight.MUTED)


def waiting_parts(waiting: Mapping[RegisterKind, int]) -> tuple[Part, ...]:
    """That lines of registers wait for whoever reads it, in their queue, with the way there."""
    return tuple(
        part
        for kind, count in sorted(waiting.items())
        for part in (
            Text(say("register.waiting_one" if count == 1 else "register.waiting", count=count, name=register_name(kind))),
            Buttons((Button(SHOW_REGISTER, register_name(kind), kind, opens_form=True),)),
        )
    )


# To fill in


def record_questions_form(school: School, asked: RecordQuestions) -> Form:
    """The fields of a line, with what was filled in before."""
    parts: list[Part] = [Banner(say("register.stale"), Tone.WARNING)] if asked.stale else []
    if asked.record is not None:
        parts += [Text(asked.record.reference, Weight.HEADING), Text(say("register.kept"), Weight.MUTED)]
    parts.append(Banner(say("register.no_names")))
    for spec in DEFINITIONS[asked.kind].fields:
        if spec.type is FieldType.CASE and asked.hides_case:
            parts.append(Text(say("register.hidden_case"), Weight.MUTED))
        else:
            parts.append(_field(school, asked, spec))
    return with_faults(
        Form(
            RECORD_FORM,
            say("register.title_add" if asked.record is None else "register.title_change"),
            tuple(parts),
            submit=say("register.submit"),
            state=asked.state,
        ),
        asked.faults,
    )


def _field(school: School, q: RecordQuestions, spec: Spec) -> Field:
    label, typed = label_of(q.kind, spec), _typed(q, spec)
    match spec.type:
        case FieldType.TEXT:
            return TextField(spec.field, label, typed, required=spec.required, multiline=True, max_length=LONGEST)
        case FieldType.LINE:
            return TextField(spec.field, label, typed, required=spec.required, max_length=LONGEST_LINE)
        case FieldType.CASE:
            hint = say("register.case_hint")
            return TextField(spec.field, label, typed, hint, required=spec.required, max_length=LONGEST_LINE)
        case FieldType.CHOICE:
            options = tuple(Option(o, say(f"register.change_{o}")) for o in spec.options)
            return Choice(spec.field, label, options, _known(typed, options), required=spec.required, compact=True)
        case FieldType.LEVEL:
            options = _levels(school.policy.registers[q.kind].scale)
            return Choice(spec.field, label, options, _known(typed, options), required=spec.required, compact=True)
        case FieldType.STAFF:
            picked = q.filled.get(spec.field, ())
            chosen = (picked,) if isinstance(picked, str) and picked else picked or ()
            people = tuple(PersonChoice(v, q.names.get(spec.field) or v.partition(":")[2]) for v in chosen[:1])
            hint = say("register.staff_hint")
            return PeopleField(spec.field, label, people, hint, required=spec.required, most=1, listed_only=True)
        case FieldType.MOMENT:
            at = moment_in(school, typed) or (q.now if spec.now else None)
            return MomentField(spec.field, label, at, required=spec.required)


def _levels(scale: Scale) -> tuple[Option, ...]:
    def label(level: int) -> str:
        if level in (1, scale.most):
            return say("register.level_lowest" if level == 1 else "register.level_highest", level=level)
        return str(level)

    return tuple(Option(str(level), label(level)) for level in range(1, scale.most + 1))


def _known(value: str, options: Iterable[Option]) -> str:
    return value if value in {o.value for o in options} else ""


def _typed(q: RecordQuestions, spec: Spec) -> str:
    return text_in(q.filled, spec.field)


def decision_form(asked: DecisionAsked) -> Form:
    """What is to become of a line, and why."""
    options = tuple(Option(m.to.value, say(f"register.move_{m.to}")) for m in asked.moves)
    stale = (Banner(say("register.stale"), Tone.WARNING),) if asked.stale else ()
    return with_faults(
        Form(
            RECORD_DECISION,
            say("register.decide_title"),
            (
                *stale,
                Text(say("register.decide_text", reference=asked.record.reference)),
                Choice(STATE_FIELD, say("register.decide_state"), options, asked.chosen),
                TextField(NOTE_FIELD, say("register.decide_note"), asked.note, multiline=True, max_length=LONGEST),
            ),
            submit=say("register.submit"),
            state=asked.state,
        ),
        asked.faults,
    )


# What is said in a chat


def register_card(school: School, m: RegisterMessage) -> Card:
    """That a line waits for somebody, or did: its reference, and nothing of what it says."""
    name, state = register_name(m.kind), say(f"register.state_{m.state}")
    when = dated(school, m.review_at) if m.review_at is not None else say("register.nothing")
    if m.approval:
        title = say("register.message_waiting", register=name, reference=m.reference)
        text = say("register.message_waiting_text")
        done = say("register.message_waiting_done", reference=m.reference, state=state)
    else:
        title = say("register.message_review", register=name, reference=m.reference)
        text = say("register.message_review_text", when=when)
        done = say("register.message_review_done", reference=m.reference, state=state)
    read = Buttons((Button(READ_RECORD, say("register.message_read"), m.record_id, ButtonStyle.PRIMARY, opens_form=True),))
    body = Banner(done if m.settled else text, Tone.SUCCESS if m.settled else Tone.WARNING)
    return Card(title, done if m.settled else text, (body, read))
