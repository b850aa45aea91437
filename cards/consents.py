"""Ask before publishing: the form, what is told in it, and the register's entries for those who keep it. Dialogs alone."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cards.clauses import points
from cards.filled import moment_in, text_in, with_faults
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Choice,
    Confirm,
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
from cards.texts import dated, day_of, listed, say
from domain.consent_terms import ConsentTerms, GivenBy, Use
from domain.consents import (
    BY_FIELD,
    CLASS_FIELD,
    EVERY_USE,
    LONGEST_CLASS,
    LONGEST_NAME,
    LONGEST_NOTE,
    NAME_FIELD,
    NOTE_FIELD,
    SINCE_FIELD,
    UNTIL_FIELD,
    USE_FIELD,
    Answer,
    ConsentFile,
    ConsentQuestions,
    ConsentVersion,
    KeepQuestions,
    LeftList,
    Said,
    Unclear,
    Verdict,
)
from domain.people import School
from domain.report_form import Filled

ASK_CONSENT, KEEP_CONSENT, READ_CONSENT = "ask_consent", "keep_consent", "read_consent"
WITHDRAW_CONSENT, ERASE_CONSENT, LEFT_CONSENTS = "withdraw_consent", "erase_consent", "left_consents"
ASK, KEEP, FILE, LEFT = "consent", "consent_keep", "consent_entry", "consent_left"

_MOST_HISTORY: Final = 12


def consent_card() -> Card:
    """In answer to the word in a chat, where no dialog can be opened without a press."""
    return opening_card(say("consent.title"), say("consent.text"), ASK_CONSENT, say("consent.open"))


# To ask


def ask_form(school: School, q: ConsentQuestions) -> Form:
    """The form in which somebody asks; above it what was found for whom they asked about."""
    options = tuple(Option(use.id, use.title) for use in q.terms.uses.values())
    every = (Option(EVERY_USE, say("consent.use_all")),) if len(options) > 1 else ()
    parts: tuple[Part, ...] = (
        *_told(school, q),
        Text(say("consent.text")),
        _pupil(q.filled, q.label),
        _class(q.filled),
        Choice(USE_FIELD, say("consent.use"), (*options, *every), text_in(q.filled, USE_FIELD), compact=True),
        *_clauses(school, q.terms.cites),
    )
    if q.keeps:
        buttons = [Button(READ_CONSENT, say("consent.open_entry"), i, opens_form=True) for i in q.consent_ids]
        buttons.append(Button(KEEP_CONSENT, say("consent.record"), opens_form=True))
        buttons.append(Button(LEFT_CONSENTS, say("consent.left_open"), opens_form=True))
        parts = (*parts, Buttons(tuple(buttons)))
    return with_faults(Form(ASK, say("consent.title"), parts, submit=say("consent.submit")), q.faults)


def _told(school: School, q: ConsentQuestions) -> tuple[Part, ...]:
    if not q.name:
        return ()
    about = say("consent.about_class", name=q.name, form=q.form) if q.form else say("consent.about", name=q.name)
    keepers = listed(sorted(school.policy.role_title(role) for role in q.terms.keeps))
    head = Text(about, Weight.HEADING)
    match q.unclear:
        case Unclear.NOBODY:
            check = say("consent.nobody_check", keepers=keepers)
            return (head, Banner(say("consent.nobody"), Tone.WARNING), Text(check))
        case Unclear.SEVERAL:
            how = say("consent.several_class", keepers=keepers)
            return (head, Banner(say("consent.several"), Tone.WARNING), Text(how))
        case None:
            found = tuple(_banner(school, a) for a in q.answers)
            cites = dict.fromkeys(c for a in q.answers for c in a.use.cites)
            yes = any(a.verdict is Verdict.YES for a in q.answers)
            limits = (Text(say("consent.limits")),) if yes else ()
            return (head, *found, *limits, *_clauses(school, tuple(cites)))


def _banner(school: School, answer: Answer) -> Banner:
    return Banner(_said(school, answer), Tone.SUCCESS if answer.verdict is Verdict.YES else Tone.WARNING)


def _said(school: School, answer: Answer) -> str:
    use, grant = answer.use.title, answer.grant
    if grant is None:
        return say("consent.told_none", use=use)
    until = _day(school, grant.until) if grant.until is not None else ""
    word = "yes_until" if answer.verdict is Verdict.YES and until else answer.verdict
    by = say(f"consent.by_{grant.by}")
    return say(f"consent.told_{word}", use=use, by=by, since=_day(school, grant.since), until=until)


# To record


def keep_form(school: School, q: KeepQuestions) -> Form:
    """A keeper's form: for whoever they name, or for an entry that is there, with what stands in it now."""
    terms = q.terms
    whose = (
        (Text(_name(q.entry.newest), Weight.HEADING),) if q.entry is not None else (_pupil(q.filled, q.label), _class(q.filled))
    )
    parts: tuple[Part, ...] = (
        *whose,
        Text(say("consent.keep_text")),
        *(_use(q, use) for use in terms.uses.values()),
        _by(q),
        MomentField(
            SINCE_FIELD,
            say("consent.keep_since"),
            moment_in(school, text_in(q.filled, SINCE_FIELD)),
            say("consent.keep_since_hint"),
            required=False,
        ),
        MomentField(
            UNTIL_FIELD,
            say("consent.keep_until"),
            moment_in(school, text_in(q.filled, UNTIL_FIELD)),
            say("consent.keep_until_hint"),
            required=False,
        ),
        TextField(
            NOTE_FIELD,
            say("consent.keep_note"),
            text_in(q.filled, NOTE_FIELD),
            say("consent.keep_note_hint"),
            required=False,
            max_length=LONGEST_NOTE,
        ),
        *_clauses(school, terms.cites),
    )
    submit = say("consent.keep_submit")
    return with_faults(Form(KEEP, say("consent.keep_title"), parts, submit=submit, state=q.state), q.faults)


def _use(q: KeepQuestions, use: Use) -> Choice:
    options = tuple(Option(said, say(f"consent.keep_{said}")) for said in Said)
    typed = text_in(q.filled, use.field)
    grant = q.entry.newest.grants.get(use.id) if q.entry is not None else None
    now = say("consent.keep_use_hint", now=say(f"consent.keep_{grant.said}")) if grant is not None else ""
    hint = " ".join(filter(None, (now, say(f"consent.needs_{use.needs}"))))
    known = typed if typed in list(Said) else ""
    return Choice(use.field, use.title, options, known, hint, required=False, compact=True)


def _by(q: KeepQuestions) -> Choice:
    options = tuple(Option(by, _capital(say(f"consent.by_{by}"))) for by in GivenBy)
    typed = text_in(q.filled, BY_FIELD)
    return Choice(BY_FIELD, say("consent.keep_by"), options, typed if typed in list(GivenBy) else "", compact=True)


# The register's entries


def file_form(school: School, file: ConsentFile) -> Form:
    """An entry with all that was recorded in it, and what its keepers may do."""
    newest, consent_id = file.entry.newest, file.entry.consent.id
    parts: list[Part] = [Banner(say("consent.saved"), Tone.SUCCESS)] if file.saved else []
    parts += [Text(_name(newest), Weight.HEADING), *(_banner(school, a) for a in file.answers)]
    if newest.note:
        parts.append(Text(say("consent.note", note=newest.note)))
    parts += _history(school, file)
    buttons = [Button(KEEP_CONSENT, say("consent.change"), consent_id, ButtonStyle.PRIMARY, opens_form=True)]
    if file.may_be_withdrawn:
        buttons.append(_sure(WITHDRAW_CONSENT, "withdraw", consent_id))
    buttons += [
        _sure(ERASE_CONSENT, "erase", consent_id),
        Button(ASK_CONSENT, say("consent.open"), opens_form=True),
    ]
    return Form(FILE, say("consent.file_title"), (*parts, Buttons(tuple(buttons))))


def _sure(action: str, what: str, consent_id: str) -> Button:
    title, text = say(f"consent.sure_title_{what}"), say(f"consent.sure_{what}")
    sure = Confirm(title, text, say("consent.sure"), say("consent.back"))
    style = ButtonStyle.DANGER if action == ERASE_CONSENT else ButtonStyle.NORMAL
    return Button(action, say(f"consent.do_{what}"), consent_id, style, opens_form=True, confirm=sure)


def _history(school: School, file: ConsentFile) -> Iterable[Part]:
    shown = file.history[-_MOST_HISTORY:]
    columns = tuple(say(f"consent.history_{h}") for h in ("when", "who", "what"))
    rows = tuple((dated(school, v.at), _who(v, who), _did(school, file.terms, v)) for v, who in shown)
    yield Table(say("consent.history"), columns, rows, "")
    if len(shown) < len(file.history):
        yield Text(say("consent.history_more", shown=len(shown), count=len(file.history)), Weight.MUTED)


def _who(version: ConsentVersion, name: str) -> str:
    return name or say("consent.somebody" if version.person_id else "consent.by_file")


def _did(school: School, terms: ConsentTerms, version: ConsentVersion) -> str:
    return "\n".join((_capital(say(f"consent.did_{version.kept}")), *grant_lines(school, terms, version), version.note)).strip()


def grant_lines(school: School, terms: ConsentTerms, version: ConsentVersion) -> tuple[str, ...]:
    """What stood in an entry from a version on, a line for each use. One that the policy dropped goes by its id."""
    titles = {use.id: use.title for use in terms.uses.values()}
    told = []
    for use, g in version.grants.items():
        facts = {"use": titles.get(use, use), "by": say(f"consent.by_{g.by}"), "since": _day(school, g.since)}
        ends = g.until is not None and g.said is Said.YES
        until = _day(school, g.until) if g.until is not None else ""
        told.append(say("consent.said_yes_until" if ends else f"consent.said_{g.said}", **facts, until=until))
    return tuple(told)


def erased_card() -> Card:
    """An entry is gone."""
    return Card(say("consent.erased_title"), say("consent.erased"), (Banner(say("consent.erased"), Tone.SUCCESS),))


def left_form(found: LeftList) -> Form:
    """Entries of pupils who have left, for a person to go through."""
    parts: list[Part] = [Text(say("consent.left_text"))]
    for entry in found.entries:
        leaves: tuple[Leaf, ...] = (
            Buttons((Button(READ_CONSENT, say("consent.open_entry"), entry.consent.id, opens_form=True),)),
        )
        parts.append(Section(_name(entry.newest), leaves))
    if not found.entries:
        parts.append(Text(say("consent.left_none")))
    if found.more:
        parts.append(Text(say("consent.left_more"), Weight.MUTED))
    return Form(LEFT, say("consent.left_title"), tuple(parts))


# Parts of these


def _pupil(filled: Filled, label: str) -> PeopleField:
    picked = filled.get(NAME_FIELD, ())
    people = (picked,) if isinstance(picked, str) and picked else picked or ()
    known = tuple(PersonChoice(v, label or v.partition(":")[2]) for v in people[:1] if label or v.startswith("text:"))
    return PeopleField(
        NAME_FIELD, say("consent.pupil"), known, say("consent.pupil_hint"), required=True, most=1, longest=LONGEST_NAME
    )


def _class(filled: Filled) -> TextField:
    typed, hint = text_in(filled, CLASS_FIELD), say("consent.class_hint")
    return TextField(CLASS_FIELD, say("consent.class"), typed, hint, required=False, max_length=LONGEST_CLASS)


def _clauses(school: School, cites: tuple[str, ...]) -> tuple[Part, ...]:
    return (Text(say("consent.cites", clauses="; ".join(points(school, cites))), Weight.MUTED),) if cites else ()


def _name(version: ConsentVersion) -> str:
    return say("consent.name_class", name=version.name, form=version.form) if version.form else version.name


def _day(school: School, at: datetime) -> str:
    return day_of(at.astimezone(school.calendar.timezone).date())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
