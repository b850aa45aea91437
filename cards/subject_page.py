"""What is held about one person, as a page to review and then to hand out; and what of it goes to the next school."""

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from cards.consents import grant_lines
from cards.registers import label_of, register_name, value_of
from cards.texts import dated, day_of, moment, say
from cards.timeline import entry_told
from domain.consents import ConsentVersion
from domain.entries import Line
from domain.people import School
from domain.registers import Change, Record, Shown
from domain.subject_access import Held, HeldCase, HeldConsent, HeldRecord, Passage, Where


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
        rows = "".join(_compared(_where(school, p), p.original, p.proposed) for p in case.passages)
        rows += "".join(_compared(*_measure(school, m.original), _measure(school, m.proposed)[1]) for m in case.measures)
        title = _e(say("export.case", reference=case.incident.reference))
        parts.append(f"<h3>{title}</h3><table>{_head(head)}{rows}</table>")
    if asked := [p for r in held.requests for p in r.passages]:
        rows = "".join(_compared(_where(school, p), p.original, p.proposed) for p in asked)
        parts.append(f"<h3>{_e(say('export.requests'))}</h3><table>{_head(head)}{rows}</table>")
    for line in held.registered:
        pairs = ((_version(school, line.record, one), _version(school, line.record, other)[1]) for one, other in line.versions)
        rows = "".join(_compared(*one, other) for one, other in pairs)
        parts.append(f"<h3>{_e(_of_register(line))}</h3><table>{_head(head)}{rows}</table>")
    for consent in held.consents:
        if not consent.sure:
            name = consent.entry.newest.name
            check = say("export.similar_consent" if consent.similar else "export.unsure_consent", name=name)
            parts.append(f"<p><strong>{_e(check)}</strong></p>")
        told = [(_consent(school, v), v.note, note) for v, note in consent.versions if v.note]
        rows = "".join(_compared(what, original, proposed) for (what, _), original, proposed in told)
        parts.append(f"<h3>{_e(_of_consent(consent))}</h3><table>{_head(head)}{rows}</table>" if rows else "")
    return "".join(parts)


def _of_consent(held: HeldConsent) -> str:
    newest = held.entry.newest
    head = (
        say("export.consent_class", name=newest.name, form=newest.form)
        if newest.form
        else say("export.consent", name=newest.name)
    )
    return say("export.consent_similar", head=head) if held.similar else head


def _consent(school: School, version: ConsentVersion, note: str = "") -> tuple[str, str]:
    """What was recorded at a moment, and by whose word; the note as it is to be handed out."""
    terms = school.policy.consent
    lines = grant_lines(school, terms, version) if terms is not None else ()
    what = say("export.version", what=say(f"consent.did_{version.kept}"), when=dated(school, version.at))
    return what, "\n".join([*lines, note]).strip()


def _compared(where: str, original: str, proposed: str) -> str:
    found = ' class="found"' if original != proposed else ""
    return f"<tr{found}><td>{_e(where)}</td><td>{_e(original)}</td><td>{_e(proposed)}</td></tr>"


def _measure(school: School, line: Line) -> tuple[str, str]:
    """What was taken, searched, blocked or paid for: when and what, and all that was told of it."""
    title, told = entry_told(school, line)
    return title, "\n".join(told)


def _of_register(line: HeldRecord) -> str:
    return say("export.register", register=register_name(line.record.kind), reference=line.record.reference)


def _version(school: School, record: Record, shown: Shown) -> tuple[str, str]:
    """A line of a register as it read from a moment on; of a decision, what was decided and why."""
    v, told = (
        shown.version,
        [(say("register.history_who"), shown.who), (say("register.state"), say(f"register.state_{shown.version.state}"))],
    )
    if v.change is not Change.MOVED:
        told += [(label_of(record.kind, spec), value_of(school, spec, shown)) for spec in record.definition.fields]
    lines = [say("timeline.told", label=label, value=value) for label, value in told if value]
    return say("export.version", what=say(f"register.done_{v.change}"), when=dated(school, v.at)), "\n".join(
        [*lines, v.note]
    ).strip()


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
        asked = [(r.reference, moment(school, r.at), *(p.proposed for p in r.passages)) for r in held.requests]
        parts.append(f"<h3>{_e(say('export.requests'))}</h3>{_table((), asked)}")
    if held.signed:
        signed = [(s.title, s.version, dated(school, s.at), s.text_hash) for s in held.signed]
        parts.append(f"<h3>{_e(say('export.signed'))}</h3>{_table((), signed)}")
    for line in held.registered:
        rows = [_version(school, line.record, proposed) for _, proposed in line.versions]
        parts.append(f"<h3>{_e(_of_register(line))}</h3>{_table((), rows)}")
    for consent in held.consents:
        rows = [_consent(school, version, note) for version, note in consent.versions]
        parts.append(f"<h3>{_e(_of_consent(consent))}</h3>{_table((), rows)}")
    return "".join(parts)


def _case(school: School, case: HeldCase) -> str:
    i = case.incident
    concern = school.policy.concerns.get(i.facts.concern)
    facts = [
        (say("alert.concern"), concern.label if concern else i.facts.concern),
        (say("export.part"), ", ".join(say(f"participant.{p}") for p in case.parts) or say("export.part_measure")),
        (say("case.when"), dated(school, i.occurred_at)),
        (say("case.reported"), dated(school, i.reported_at)),
        (say("alert.state"), say(f"state.{i.state}")),
        *((say(f"participant.{part}"), f"[{label}]") for label, part in case.others),
        *((_where(school, p), p.proposed) for p in case.passages),
        *(_measure(school, m.proposed) for m in case.measures),
        *((say("export.read_on", when=dated(school, at)), _roles(school, roles)) for at, roles in case.readings),
    ]
    return f"<h3>{_e(say('export.case', reference=i.reference))}</h3>{_table((), facts)}"


def _roles(school: School, roles: Sequence[Any]) -> str:
    return ", ".join(school.policy.role_title(r) for r in roles) or say("readers.no_role")


def _where(school: School, p: Passage) -> str:
    if p.at is None:
        return say(f"export.in_{p.where}")
    return say("export.change_of" if p.where is Where.CHANGE else "export.note_of", when=dated(school, p.at))


def _day(school: School, held: Held) -> str:
    return day_of(held.at.astimezone(school.calendar.timezone).date())


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
            "measures": [{"what": title, "text": told} for title, told in (_measure(school, m.proposed) for m in c.measures)],
            "read_at": [at.isoformat() for at, _ in c.readings],
        }
        for c in held.cases
    ]
    person = {"name": held.person.name, "email": held.person.email, "house": held.person.house, "form": held.person.form}
    asked = [
        {"reference": r.reference, "at": r.at.isoformat()} | {p.where: p.proposed for p in r.passages} for r in held.requests
    ]
    record = {
        "school": school.name,
        "made_at": held.at.isoformat(),
        "person": person,
        "cases": cases,
        "reported": [i.reference for i in held.reported],
        "requests": asked,
        "signed": [
            {"title": s.title, "version": s.version, "at": s.at.isoformat(), "text_sha256": s.text_hash} for s in held.signed
        ],
        "registers": [
            {
                "reference": line.record.reference,
                "register": line.record.kind,
                "versions": [
                    {"what": title, "text": told}
                    for title, told in (_version(school, line.record, v) for _, v in line.versions)
                ],
            }
            for line in held.registered
        ],
        "consent": [
            {
                "name": consent.entry.newest.name,
                "class": consent.entry.newest.form,
                "found_by": "list" if consent.sure else "similar name" if consent.similar else "name",
                "versions": [
                    {"what": title, "text": told}
                    for title, told in (_consent(school, version, note) for version, note in consent.versions)
                ],
            }
            for consent in held.consents
        ],
    }
    return base64.b64encode(json.dumps(record, ensure_ascii=False, indent=1).encode()).decode()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{_e(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{_head(head)}{body}</table>"


def _head(columns: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<th>{_e(c)}</th>' for c in columns)}</tr>" if columns else ""


def _e(text: str) -> str:
    return escape(text)
