"""A case as the policy's log form: every field filled in, ready to be drawn in a chat, printed, or copied elsewhere."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cards.clauses import points
from cards.export import drop_button, until_text
from cards.model import Banner, Button, Buttons, Card, Form, Section, Text, Tone, Weight
from cards.texts import dated, day_of, say
from cards.timeline import entry_told
from domain.case_changes import ChangeKind, Classified, Result
from domain.entries import EntryKind
from domain.exports import Page
from domain.incident import Alert, NoteKind
from domain.log_forms import RECORDED, LogField, Shows
from domain.log_records import Involved, LogRecord, Signed
from domain.people import School
from domain.policy import SignOff
from domain.words import Role

LOG_FORM, LOG_FORM_FILE, LOG_FORM_PAGE = "log_form", "log_form_file", "log_form_page"
_KINDS: Mapping[Shows, frozenset[EntryKind]] = {
    Shows.DECISIONS: frozenset({EntryKind.DECISION}),
    Shows.ACTIONS: frozenset({EntryKind.ACTION}),
    Shows.CONTACTS: frozenset({EntryKind.CONTACT}),
    Shows.NOTES: frozenset({EntryKind.NOTE}),
}
_ENTRIES = frozenset({*_KINDS, Shows.MEASURES})
"""What is made of the entries of the timeline: those of every other kind are measures."""
WITH_A_FIELD = frozenset({ChangeKind.CLOSED, ChangeKind.SIGNED, ChangeKind.REVIEW_SET, ChangeKind.REVIEWED})
"""Changes that have a field of their own."""
_BY_HAND = frozenset({Shows.REVIEW_DATE, Shows.REVIEW_RESULT})
"""What can be written in by hand where nobody has said it yet."""
_LONGEST_FIELD, _LONGEST_FORM = 2_000, 9_000
"""In characters: what a chat takes of it. The file has everything."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, under a heading of their own if they have one."""

    head: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it, for where there is no layout."""
        return "\n".join((*([self.head] if self.head else []), *self.lines))


@dataclass(frozen=True, slots=True)
class Filled:
    """A field with what stands in it. `signs`: it is for a signature; `empty`: it is left free, to be written in by hand."""

    label: str
    hint: str
    clauses: str
    blocks: tuple[Block, ...]
    signs: bool = False
    empty: bool = False

    @property
    def text(self) -> str:
        """What stands in it, for where there is no layout."""
        return "\n\n".join(block.text for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The whole form, filled in. `rest`: what was recorded and the form has no field for. `warning`: it cannot be relied on.

    `told`: each thing that the case has, as text, wherever the form has it.
    """

    school: School
    record: LogRecord
    heading: str
    source: str
    note: str
    rows: tuple[tuple[Filled, ...], ...]
    rest: tuple[Filled, ...]
    made: str
    warning: str
    told: Mapping[Shows, str]

    @property
    def reference(self) -> str:
        """The case's number."""
        return self.record.case.incident.reference

    @property
    def title(self) -> str:
        """What it is called, without a name of anybody."""
        return say("log_form.page_title", heading=self.heading, reference=self.reference)

    @property
    def fields(self) -> tuple[Filled, ...]:
        """All fields in order, and what has none."""
        return (*(field for row in self.rows for field in row), *self.rest)


def log_form_button(incident_id: str) -> Button:
    """What stands on a case's page for whoever works it."""
    return Button(LOG_FORM, say("log_form.button"), incident_id, opens_form=True)


def sheet_of(school: School, record: LogRecord) -> Sheet:
    """The policy's form, filled in from a case."""
    policy = school.policy
    form = policy.log_form
    assert form is not None
    rows = tuple(tuple(_filled(school, field, record) for field in row) for row in form.rows)
    left = (s for s in RECORDED if s not in form.shown and _told(school, s, record))
    lined = {field.sign for field in form.fields}
    unlined = [line for line in policy.sign_off if line.role not in lined]
    rest = (
        *(Filled(_name(s), "", "", _told(school, s, record)) for s in left),
        *(_filled(school, _line_for(school, line), record) for line in unlined),
    )
    own = say("log_form.source", title=policy.title, approved=policy.approved, points="; ".join(points(school, form.cites)))
    note_points = "; ".join(points(school, form.note_cites))
    note = say("log_form.note", text=form.note, points=note_points) if note_points else form.note
    return Sheet(
        school,
        record,
        form.heading,
        own if form.cites else say("log_form.source_none"),
        note,
        rows,
        rest,
        say("log_form.made", when=dated(school, record.at), who=record.by or say("timeline.somebody")),
        say("case.changed") if record.case.changed else "",
        {shows: "\n".join(block.text for block in _told(school, shows, record)) for shows in Shows},
    )


def log_form_form(sheet: Sheet, shown_id: str = "") -> Form:
    """The form in a chat, to read, and to have it made into a page. `shown_id`: sent twice, it has one page made."""
    parts: list[Text | Banner | Section] = [Text(say("case.logged"), Weight.MUTED)]
    parts += [Text(sheet.heading, Weight.HEADING), Text(sheet.source, Weight.MUTED)]
    parts += [Banner(sheet.warning, Tone.DANGER)] if sheet.warning else []
    parts += [Text(sheet.note)] if sheet.note else []
    left = _LONGEST_FORM
    for field in sheet.fields:
        text = field.text or say("log_form.by_hand")
        shown = _clipped(text, max(0, min(_LONGEST_FIELD, left)))
        left -= len(shown)
        parts.append(Section(_headed(field), (Text(shown),)))
    return Form(
        LOG_FORM,
        say("log_form.title"),
        (*parts, Text(say("log_form.file_text"), Weight.MUTED)),
        submit=say("log_form.submit"),
        state=f"{sheet.record.case.incident.id}|{shown_id}",
    )


def made_card(school: School, reference: str, made: Page, passphrase: str) -> Card:
    """Where the page lies and until when, and the passphrase, which is shown here and nowhere else."""
    text = say("log_form.made_text", name=made.file, reference=reference)
    return Card(
        say("log_form.made_title"),
        text,
        (
            Text(text),
            Banner(say("export.passphrase", passphrase=passphrase), Tone.WARNING),
            Text(say("log_form.next"), Weight.MUTED),
            until_text(school, made),
            Buttons((drop_button(made),)),
        ),
    )


def dropped_card() -> Card:
    """That a page is deleted, for somebody who has no list of pages."""
    text = say("log_form.dropped")
    return Card(say("log_form.dropped_title"), text, (Banner(text, Tone.SUCCESS),))


def part_of(school: School, involved: Involved) -> str:
    """The part somebody had, in the policy's own word for it if it has one."""
    form, role = school.policy.log_form, involved.participant.role
    own = form.parts.get(role) if form is not None else None
    return own or say(f"participant.{role}")


def _line_for(school: School, line: SignOff) -> LogField:
    """A line to sign on, where the policy asks for a signature and its form has none."""
    return LogField(say("log_form.signature", role=school.policy.role_title(line.role)), sign=line.role, cites=line.cites)


def _headed(field: Filled) -> str:
    return say("log_form.headed", label=field.label, hint=field.hint) if field.hint else field.label


def _clipped(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[:room].rstrip()}\u2026\n{say('log_form.clipped')}"


def _filled(school: School, field: LogField, record: LogRecord) -> Filled:
    clauses = "; ".join(points(school, field.cites))
    if field.sign is not None:
        given = [s for s in record.signed if s.role is field.sign]
        signed = tuple(Block("", tuple(_signature(school, s).splitlines())) for s in given)
        return Filled(field.label, field.hint, clauses, signed, signs=True, empty=all(s.before for s in given))
    alone = len(field.shows) == 1
    blocks = _told(school, field.shows[0], record) if alone else tuple(_together(school, field, record))
    by_hand = not blocks and set(field.shows) <= _BY_HAND
    nothing = (Block("", (say("log_form.nothing"),)),)
    return Filled(field.label, field.hint, clauses, blocks if blocks or by_hand else nothing, empty=by_hand)


def _together(school: School, field: LogField, record: LogRecord) -> Iterable[Block]:
    """Several things in one field, each under its name. Entries say themselves what they are, and stand in time order."""
    entries = [shows for shows in field.shows if shows in _ENTRIES]
    for shows in field.shows:
        if shows not in entries:
            for block in _told(school, shows, record):
                name = _name(shows)
                yield Block(name if name != field.label else "", block.lines)
        elif shows is entries[0]:
            yield from _entries(school, entries, record)


def _name(shows: Shows) -> str:
    return say(f"log_form.shows_{shows}")


def _told(school: School, shows: Shows, record: LogRecord) -> tuple[Block, ...]:
    """What a case has of something; nothing where it has none."""
    if shows in _ENTRIES:
        return _entries(school, (shows,), record)
    lines = _LINES[shows](school, record) if shows is not Shows.PEOPLE else _people(school, record)
    return (Block("", lines),) if lines else ()


def _entries(school: School, wanted: Sequence[Shows], record: LogRecord) -> tuple[Block, ...]:
    def belongs(kind: EntryKind) -> bool:
        return next((s for s, kinds in _KINDS.items() if kind in kinds), Shows.MEASURES) in wanted

    notes: list[tuple[datetime, Block]] = []
    if Shows.NOTES in wanted:
        for note, who in record.case.notes:
            if note.kind is not NoteKind.OUTCOME and note.text:
                head = say("log_form.note_head", when=dated(school, note.at), who=who or say("timeline.somebody"))
                notes.append((note.at, Block(head, tuple(note.text.splitlines()))))
    worked = [(line.at, Block(*entry_told(school, line))) for line in record.lines if belongs(line.kind)]
    return tuple(block for _, block in sorted((*notes, *worked), key=lambda each: each[0]))


def _people(school: School, record: LogRecord) -> tuple[str, ...]:
    found = []
    for one in record.people:
        listed = ", ".join(filter(None, (one.person.form, one.person.house))) if one.person is not None else ""
        if one.is_staff:
            listed = say("log_form.staff")
        name = say("log_form.person_listed", name=one.participant.name, listed=listed) if listed else one.participant.name
        found.append(say("log_form.person", name=name, part=part_of(school, one)))
    return tuple(found) or (say("case.nobody_named"),)


def _role(school: School, alert: Alert) -> str:
    return " / ".join(school.policy.role_title(r) for r in alert.roles)


def _received(school: School, record: LogRecord) -> tuple[str, ...]:
    found = []
    for alert, _ in record.case.duties:
        values = {"role": _role(school, alert), "told": dated(school, alert.opened_at)}
        answered = dated(school, alert.acknowledged_at) if alert.acknowledged_at is not None else ""
        found.append(
            say("log_form.received", **values, answered=answered) if answered else say("log_form.not_received", **values)
        )
    return tuple(found)


def _reported_to(school: School, record: LogRecord) -> tuple[str, ...]:
    return tuple(
        say("log_form.to_whom", role=_role(school, a), who=owner) if owner else _role(school, a)
        for a, owner in record.case.duties
    )


def _concern(school: School, record: LogRecord) -> tuple[str, ...]:
    facts = record.case.incident.facts
    concern = school.policy.concerns.get(facts.concern)
    found = [concern.label if concern is not None else facts.concern]
    found += [say("case.danger")] if facts.immediate_danger else []
    found += [say("log_form.illegal")] if facts.illegal_suspected else []
    found += [say("log_form.repeat")] if facts.repeat else []
    return tuple(found)


def _area(school: School, record: LogRecord) -> tuple[str, ...]:
    concern = school.policy.concerns.get(record.case.incident.facts.concern)
    return (say(f"four_c.{concern.four_c}"),) if concern is not None else ()


def _outcome(school: School, record: LogRecord) -> tuple[str, ...]:
    found = []
    for note, who in record.case.notes:
        if note.kind is NoteKind.OUTCOME and note.text:
            found.append(say("case.note", when=dated(school, note.at), who=who or say("timeline.somebody"), text=note.text))
    closed = record.case.incident.closed_at
    for change, who in record.changes:
        if change.kind is ChangeKind.CLOSED:
            text = (
                say("log_form.ended", result=say(f"result.{Result(change.code)}"), text=change.text)
                if change.code
                else change.text
            )
            found.append(say("case.note", when=dated(school, change.at), who=who or say("timeline.somebody"), text=text))
    found += [say("log_form.closed", when=dated(school, closed))] if closed is not None else []
    return tuple(line for text in found for line in text.splitlines())


def _review_dates(school: School, record: LogRecord) -> tuple[str, ...]:
    """Each date that was set, in order; the one that stands is the last."""
    due = [c.due_at for c, _ in record.changes if c.kind is ChangeKind.REVIEW_SET and c.due_at is not None]
    due += [record.review_due] if record.review_due is not None else []
    return tuple(dict.fromkeys(day_of(at.astimezone(school.calendar.timezone).date()) for at in due))


def _review_results(school: School, record: LogRecord) -> tuple[str, ...]:
    found = [
        say("case.note", when=dated(school, c.at), who=who or say("timeline.somebody"), text=c.text)
        for c, who in record.changes
        if c.kind is ChangeKind.REVIEWED
    ]
    return tuple(line for text in found for line in text.splitlines())


def _changes(school: School, record: LogRecord) -> tuple[str, ...]:
    """Why, by whom and when. Which other case it has to do with stands there alone, since its reader may not know of that."""
    found = []
    for change, who in record.changes:
        if change.kind in WITH_A_FIELD:
            continue
        text = (
            say("log_form.change_sent_back", role=school.policy.role_title(Role(change.code)), text=change.text)
            if change.kind is ChangeKind.REOPENED and change.code
            else say(f"log_form.change_{change.kind}", text=change.text)
        )
        if change.was is not None and change.now is not None:
            was, now = (_classified(school, x) for x in (change.was, change.now))
            text = say("log_form.change_from", text=text, was=was, now=now)
        found.append(say("case.note", when=dated(school, change.at), who=who or say("timeline.somebody"), text=text))
    return tuple(line for text in found for line in text.splitlines())


def _classified(school: School, found: Classified) -> str:
    concern = school.policy.concerns.get(found.concern)
    label = concern.label if concern is not None else found.concern
    return say("log_form.classified", concern=label, urgency=say(f"urgency.{found.urgency}"))


def _signature(school: School, signed: Signed) -> str:
    values = {"who": signed.who or say("timeline.somebody"), "when": dated(school, signed.at)}
    text = say("log_form.signed_before" if signed.before else "log_form.signed", **values)
    return say("log_form.signed_note", text=text, note=signed.note) if signed.note else text


def _typed(text: str) -> tuple[str, ...]:
    return tuple(text.splitlines())


_LINES: Mapping[Shows, Callable[[School, LogRecord], tuple[str, ...]]] = {
    Shows.NUMBER: lambda _, r: (r.case.incident.reference,),
    Shows.STATE: lambda _, r: (say(f"state.{r.case.incident.state}"),),
    Shows.REPORTED_BY: lambda _, r: (r.case.reporter or say("case.unlisted_reporter"),),
    Shows.REPORTED_AT: lambda s, r: (dated(s, r.case.incident.reported_at),),
    Shows.REPORTED_TO: _reported_to,
    Shows.RECEIVED_AT: _received,
    Shows.OCCURRED_AT: lambda s, r: (dated(s, r.case.incident.occurred_at),),
    Shows.PLACE: lambda _, r: _typed(r.case.narrative.where),
    Shows.CONCERN: _concern,
    Shows.AREA: _area,
    Shows.URGENCY: lambda _, r: (say(f"urgency.{r.case.incident.urgency}"),),
    Shows.ABOUT: lambda _, r: (say(f"about.{r.case.incident.facts.about}"),),
    Shows.WHAT_HAPPENED: lambda _, r: _typed(r.case.narrative.what_happened),
    Shows.LINK: lambda _, r: _typed(r.case.narrative.link),
    Shows.FIRST_STEPS: lambda _, r: _typed(r.case.narrative.done_already),
    Shows.AGENCIES: lambda s, r: tuple(s.policy.role_title(role) for role in r.case.outside),
    Shows.OUTCOME: _outcome,
    Shows.REVIEW_DATE: _review_dates,
    Shows.REVIEW_RESULT: _review_results,
    Shows.CHANGES: _changes,
}
