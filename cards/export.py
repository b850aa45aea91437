"""What is held about one person, as a page to review and then to hand out; and the form that asks for it."""

import base64
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any

from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Confirm,
    Form,
    Part,
    PeopleField,
    PersonChoice,
    Text,
    Tone,
    Weight,
)
from cards.texts import day_of, moment, say
from domain.exports import LIVES, Page, PageLine
from domain.people import School
from domain.subject_access import PERSON, Held, HeldCase, Passage, SubjectQuestions

SUBJECT, SUBJECT_FORM, KEEP_PAGE, DROP_PAGE = "subject", "subject_form", "keep_page", "drop_page"


def subject_button() -> Button:
    """What stands beside the list of records."""
    return Button(SUBJECT, say("export.ask"), opens_form=True)


def subject_card() -> Card:
    """In answer to the word in a chat, where no form can be opened without a press."""
    return Card(say("export.title"), say("export.text"), (Text(say("export.text")), Buttons((subject_button(),))))


def subject_form(questions: SubjectQuestions) -> Form:
    """About whom."""
    chosen = tuple(PersonChoice(value, value.partition(":")[2]) for value in questions.filled if value.startswith("text:"))
    return Form(
        id=SUBJECT_FORM,
        title=say("export.title"),
        parts=(
            Text(say("export.text")),
            PeopleField(PERSON, say("export.person"), chosen, say("export.person_hint"), required=True, most=1),
            Text(say("export.limits"), Weight.MUTED),
        ),
        submit=say("export.submit"),
        errors={field: say(f"fault.{fault}") for field, fault in questions.faults.items()},
    )


def made_card(school: School, made: Page, passphrase: str) -> Card:
    """Where the page lies and until when, and the passphrase, which is shown here and nowhere else."""
    text = say("export.made", name=made.file, count=len(made.cases))
    return Card(
        say("export.made_title"),
        text,
        (
            Text(text),
            Banner(say("export.passphrase", passphrase=passphrase), Tone.WARNING),
            Text(say("export.next"), Weight.MUTED),
            until_text(school, made),
        ),
    )


def until_text(school: School, made: Page) -> Text:
    """Until when a page lies there."""
    return Text(say("export.until", day=_local_day(school, made.ends_at)), Weight.MUTED)


def locked_until(school: School, made: Page) -> str:
    """The same as it stands on the page itself, for whoever has a copy."""
    return say("export.locked_until", day=_local_day(school, made.ends_at))


def page_lines(school: School, pages: Sequence[PageLine], now: datetime) -> tuple[Part, ...]:
    """The pages that the reader has made, by the name of the file, and what can be done about each."""
    parts: list[Part] = []
    for line in pages:
        p = line.page
        told = {"file": p.file, "when": _dated(school, p.at), "day": _local_day(school, p.ended_at or p.ends_at)}
        if p.ended is not None:
            parts.append(Text(say("export.line_ended", **told, why=say(f"export.why_{p.ended}")), Weight.MUTED))
            continue
        plain = say("export.line_over" if p.ends_at <= now else "export.line", **told)
        text = say(f"export.stays_{line.stays}", **told) if line.stays is not None else plain
        sure = Confirm(say("export.drop_title"), say("export.drop_text"), say("export.drop"), say("export.drop_no"))
        keep = Button(KEEP_PAGE, say("export.keep", days=LIVES.days), p.id)
        drop = Button(DROP_PAGE, say("export.drop"), p.id, ButtonStyle.DANGER, confirm=sure)
        parts += [Banner(text, Tone.WARNING) if p.is_near_its_end(now) else Text(text), Buttons((keep, drop))]
    return tuple(parts)


def page(school: School, held: Held) -> str:
    """The page: first what is to be reviewed, which is not printed; then the answer, which can be changed on the spot."""
    title = _e(say("export.page_title", name=held.person.name))
    data = f"data:application/json;base64,{_json(school, held)}"
    return (
        f"<h1>{title}</h1>"
        f'<section class="review">{_review(school, held)}</section>'
        f'<section contenteditable="true">{_answer(school, held)}</section>'
        f'<p class="review"><a download="record.json" href="{data}">{_e(say("export.as_json"))}</a></p>'
    )


def handover_page(school: School, held: Held, code: str) -> str:
    """What goes to the next school: the records without the names of others, and the code that it gives back."""
    listed = [(say("export.of_name"), held.person.name), (say("export.of_form"), held.person.form)]
    parts = [
        f"<h1>{_e(say('handover.page_title', name=held.person.name))}</h1>",
        f"<p>{_e(say('handover.page_text', school=school.name, day=_day(school, held)))}</p>",
        f"<p><strong>{_e(say('handover.page_receipt', code=code))}</strong></p>",
        _table((), [(k, v) for k, v in listed if v]),
        *(_case(school, case) for case in held.cases),
    ]
    return "".join(parts)


def _review(school: School, held: Held) -> str:
    names = _table((say("export.label"), say("export.stands_for")), held.names.items())
    parts = [f"<h2>{_e(say('export.review'))}</h2><p>{_e(say('export.review_text'))}</p>"]
    if held.more:
        parts.append(f"<p><strong>{_e(say('export.more', count=len(held.cases)))}</strong></p>")
    parts.append(names if held.names else "")
    head = (say("export.where"), say("export.original"), say("export.proposed"))
    for case in held.cases:
        if not case.sure:
            parts.append(f"<p><strong>{_e(say('export.unsure', reference=case.incident.reference))}</strong></p>")
        rows = "".join(_compared(school, p) for p in case.passages)
        title = _e(say("export.case", reference=case.incident.reference))
        parts.append(f"<h3>{title}</h3><table>{_head(head)}{rows}</table>")
    if asked := [p for r in held.requests for p in r.passages]:
        rows = "".join(_compared(school, p) for p in asked)
        parts.append(f"<h3>{_e(say('export.requests'))}</h3><table>{_head(head)}{rows}</table>")
    return "".join(parts)


def _compared(school: School, p: Passage) -> str:
    found = ' class="found"' if p.changed else ""
    return f"<tr{found}><td>{_e(_where(school, p))}</td><td>{_e(p.original)}</td><td>{_e(p.proposed)}</td></tr>"


def _answer(school: School, held: Held) -> str:
    person = held.person
    known = ((say(f"export.of_{name}"), getattr(person, name)) for name in ("name", "email", "house", "form", "line_manager"))
    parts = [
        f"<h2>{_e(say('export.answer'))}</h2>",
        f"<p>{_e(say('export.answer_text', school=school.name, day=_day(school, held)))}</p>",
        f"<h3>{_e(say('export.listed'))}</h3>{_table((), [(k, v) for k, v in known if v])}",
    ]
    parts += [_case(school, case) for case in held.cases]
    if held.reported:
        rows = [(i.reference, moment(school, i.reported_at)) for i in held.reported]
        parts.append(f"<h3>{_e(say('export.reported'))}</h3>{_table((), rows)}")
    if held.requests:
        asked = [(r.request.reference, moment(school, r.request.at), *(p.proposed for p in r.passages)) for r in held.requests]
        parts.append(f"<h3>{_e(say('export.requests'))}</h3>{_table((), asked)}")
    return "".join(parts)


def _case(school: School, case: HeldCase) -> str:
    i = case.incident
    concern = school.policy.concerns.get(i.facts.concern)
    facts = [
        (say("alert.concern"), concern.label if concern else i.facts.concern),
        (say("export.part"), ", ".join(say(f"participant.{p}") for p in case.parts)),
        (say("case.when"), _dated(school, i.occurred_at)),
        (say("case.reported"), _dated(school, i.reported_at)),
        (say("alert.state"), say(f"state.{i.state}")),
        *((say(f"participant.{part}"), f"[{label}]") for label, part in case.others),
        *((_where(school, p), p.proposed) for p in case.passages),
        *((say("export.read_on", when=_dated(school, at)), _roles(school, roles)) for at, roles in case.readings),
    ]
    return f"<h3>{_e(say('export.case', reference=i.reference))}</h3>{_table((), facts)}"


def _roles(school: School, roles: Sequence[Any]) -> str:
    return ", ".join(school.policy.role_title(r) for r in roles) or say("readers.no_role")


def _where(school: School, p: Passage) -> str:
    place = say(f"export.in_{p.where}")
    return say("export.note_of", when=_dated(school, p.at)) if p.at is not None else place


def _dated(school: School, at: Any) -> str:
    local = at.astimezone(school.calendar.timezone)
    return f"{day_of(local.date())}, {local:%H:%M}"


def _day(school: School, held: Held) -> str:
    return _local_day(school, held.at)


def _local_day(school: School, at: datetime) -> str:
    return day_of(at.astimezone(school.calendar.timezone).date())


def _json(school: School, held: Held) -> str:
    """The answer as data: what is proposed, never what stood there before."""
    cases = [
        {
            "reference": c.incident.reference,
            "concern": c.incident.facts.concern,
            "parts": list(c.parts),
            "reported_at": c.incident.reported_at.isoformat(),
            "occurred_at": c.incident.occurred_at.isoformat(),
            "state": c.incident.state,
            "others": [{"label": label, "part": part} for label, part in c.others],
            "texts": [{"where": p.where, "text": p.proposed} for p in c.passages],
            "read_at": [at.isoformat() for at, _ in c.readings],
        }
        for c in held.cases
    ]
    person = {"name": held.person.name, "email": held.person.email, "house": held.person.house, "form": held.person.form}
    asked = [
        {"reference": r.request.reference, "at": r.request.at.isoformat()} | {p.where: p.proposed for p in r.passages}
        for r in held.requests
    ]
    record = {
        "school": school.name,
        "made_at": held.at.isoformat(),
        "person": person,
        "cases": cases,
        "reported": [i.reference for i in held.reported],
        "requests": asked,
    }
    return base64.b64encode(json.dumps(record, ensure_ascii=False, indent=1).encode()).decode()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{_e(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{_head(head)}{body}</table>"


def _head(columns: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<th>{_e(c)}</th>' for c in columns)}</tr>" if columns else ""


def _e(text: str) -> str:
    return escape(text)
