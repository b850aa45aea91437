"""Ask before publishing: the form with every answer, the form of those who record, an entry in every state, who has left."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.consents_desk import ConsentsDesk, _Outcome
from bot.replies import ShowForm, WrongForm
from cards import consents
from cards.model import Card, Form
from cards.pages import as_form
from domain.consent_terms import ConsentTerms, GivenBy, Needs, Use
from domain.consents import (
    CLASS_FIELD,
    LONGEST_CLASS,
    LONGEST_NOTE,
    NAME_FIELD,
    NOTE_FIELD,
    SINCE_FIELD,
    Answer,
    Consent,
    ConsentErased,
    ConsentFile,
    ConsentQuestions,
    ConsentVersion,
    Entry,
    Grant,
    KeepQuestions,
    Kept,
    LeftList,
    Said,
    Unclear,
    Verdict,
)
from domain.people import School
from domain.report_form import Fault
from domain.words import Role

WHO, PUPIL = "Dana Okafor", "Bea Exemplar"
_USES = tuple(Use(f"use-{n}", "A picture of this pupil alone, used for long", "", needs) for n, needs in enumerate(Needs))
_FULL = (*_USES, *(Use(f"more-{n}", f"Another use of theirs, the {n}. of them") for n in range(5)))
_TERMS = ConsentTerms({u.id: u for u in _FULL}, frozenset({Role.DSL, Role.HEADTEACHER}), cites=("social-media.5",))
_ONE = ConsentTerms({"use-0": _USES[0]}, frozenset({Role.DSL}))
_SAID = {Verdict.NO: Said.NO, Verdict.WITHDRAWN: Said.WITHDRAWN}


def consent_entries(school: School, now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    desk = ConsentsDesk(None, school)  # type: ignore[arg-type]
    yield "consent: the word", as_form(consents.consent_card(), "consent_card")
    hostile = tuple(nasty)
    found: tuple[tuple[str, _Outcome], ...] = (*_asked(now, hostile), *_recorded(now, hostile), *_kept(now, hostile))
    for name, outcome in found:
        reply = desk._shown(outcome)
        assert isinstance(reply, ShowForm | WrongForm)
        yield f"consent: {name}", reply.form


def _asked(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, ConsentQuestions]]:
    plain = ConsentQuestions(_TERMS)
    yield "asked", plain
    yield "asked, one use", replace(plain, terms=_ONE)
    yield "asked by a keeper", replace(plain, keeps=True)
    yield "wrong", replace(plain, faults={NAME_FIELD: Fault.MISSING})
    yield "too long", replace(plain, faults=dict.fromkeys((NAME_FIELD, CLASS_FIELD), Fault.TOO_LONG))
    for unclear in Unclear:
        yield f"of {unclear}", replace(plain, name=PUPIL, unclear=unclear)
        yield f"of {unclear}, with a class", replace(plain, name=PUPIL, form="8C", unclear=unclear)
    for verdict in Verdict:
        for until in (None, now + timedelta(days=9)):
            grant = Grant(_SAID.get(verdict, Said.YES), GivenBy.PARENT, now, until) if verdict is not Verdict.NONE else None
            answers = (Answer(_USES[0], verdict, grant),)
            yield f"{verdict}, {until}", replace(plain, name=PUPIL, form="8C", answers=answers)
    by = tuple(Answer(_USES[n % 4], Verdict.YES, Grant(Said.YES, by, now)) for n, by in enumerate(GivenBy))
    cited = tuple(replace(a, use=replace(a.use, cites=("social-media.5",))) for a in by)
    yield "by everybody", replace(plain, name=PUPIL, answers=cited, keeps=True, consent_ids=("a", "b"))
    for name, text in nasty:
        filled: dict[str, str | tuple[str, ...]] = {NAME_FIELD: (f"text:{text[:70]}",), CLASS_FIELD: text[:LONGEST_CLASS]}
        shown = replace(plain, filled=filled, name=text[:255], form=text[:LONGEST_CLASS], unclear=Unclear.NOBODY)
        yield f"asked, {name}", shown
    picked: dict[str, str | tuple[str, ...]] = {NAME_FIELD: "person:p", CLASS_FIELD: ("8C",)}
    yield "picked", replace(plain, filled=picked, label=PUPIL, name=PUPIL, unclear=Unclear.SEVERAL)


def _version(now: datetime, number: int = 1, kept: Kept = Kept.RECORDED, note: str = "", name: str = PUPIL) -> ConsentVersion:
    ends = now + timedelta(days=9)
    said = [Grant(said, GivenBy.BOTH, now, ends if said is Said.YES else None) for said in Said]
    grants = {"use-0": said[0], "use-1": said[1], "use-2": said[2], "dropped": Grant(Said.YES, GivenBy.PARENT, now)}
    return ConsentVersion(
        f"v{number}", "c", number, "" if kept is Kept.IMPORTED else "p", now, kept, name, "8C", grants, "p", note
    )


def _entry(version: ConsentVersion, entry: str = "c") -> Entry:
    return Entry(Consent(entry, "p", version.number, version.at), version)


def _recorded(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, KeepQuestions]]:
    plain = KeepQuestions(_TERMS, "f", now)
    yield "to record", plain
    yield "to record, one use", replace(plain, terms=_ONE)
    yield "to record in an entry", replace(plain, entry=_entry(_version(now)))
    faults = dict.fromkeys((SINCE_FIELD, NAME_FIELD, "use-0"), Fault.OLDER_THAN_A_NO)
    yield "recorded wrong", replace(plain, faults=faults)
    for name, text in nasty:
        typed: dict[str, str | tuple[str, ...]] = {NAME_FIELD: (f"text:{text[:70]}",), NOTE_FIELD: text[:LONGEST_NOTE]}
        yield f"to record, {name}", replace(plain, filled={**typed, SINCE_FIELD: text[:40]})
    chosen = {_USES[0].field: "yes", "consent_by": "both", SINCE_FIELD: now.isoformat()}
    yield "to record, filled in", replace(plain, filled=chosen)
    yield "to record, without a zone", replace(plain, filled={SINCE_FIELD: now.replace(tzinfo=None).isoformat()})


def _kept(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, ConsentFile | ConsentErased | LeftList]]:
    for kept in Kept:
        version = _version(now, kept=kept)
        yield f"entry {kept}", ConsentFile(_TERMS, _entry(version), (), ((version, WHO),), saved=kept is Kept.CHANGED)
    many = [(_version(now, n, Kept.CHANGED, "Slip"), "" if n % 2 else WHO) for n in range(1, 15)]
    answers = tuple(Answer(use, Verdict.NONE) for use in _FULL)
    yield "entry, changed often", ConsentFile(_TERMS, _entry(many[-1][0]), answers, tuple(many))
    no = replace(_version(now), form="", grants={"use-0": Grant(Said.NO, GivenBy.PUPIL, now)})
    yield "entry with no yes", ConsentFile(_TERMS, _entry(no), (), ((no, WHO),))
    for name, text in nasty:
        version = _version(now, note=text[:LONGEST_NOTE], name=text[:255])
        yield f"entry, {name}", ConsentFile(_TERMS, _entry(version), (), ((version, WHO),))
    yield "erased", ConsentErased()
    yield "nobody has left", LeftList(_TERMS, ())
    gone = tuple(_entry(_version(now), f"c{n}") for n in range(20))
    yield "who has left", LeftList(_TERMS, gone, more=True)
