"""The bot's own sentences: every key in the code has its sentence with those placeholders, and every sentence is used."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from cards.log_form import WITH_A_FIELD
from cards.log_form_page import SAVED_AS
from cards.pages import COMMANDS
from cards.texts import phone_list, say, texts
from domain.agreements import AgreementKind
from domain.answers import Verdict
from domain.asking import Decision
from domain.audit import READINGS
from domain.breaches import BreachDecision, BreachKind, BreachStep
from domain.case_changes import (
    ChangeKind,
    Result,
)
from domain.change_forms import Wish
from domain.checklists import COUNTED, Difference
from domain.consent_terms import GivenBy, Needs
from domain.consents import Kept, Said
from domain.consents import Verdict as ConsentVerdict
from domain.duties import DutyKind
from domain.entries import ADDED, DONE, FOLLOWS, TO_DO, EntryKind
from domain.exports import PageEnd, Stays
from domain.figures import BULLYING_ROW, CLOSED, IN_TIME, LATE, OPEN, SEVERAL, UNKNOWN, Season, Table
from domain.grids import Stage, Sure, Times
from domain.incident import AlertState, Asked
from domain.log_forms import Shows
from domain.measures import NO, YES, Billed, Blocked, Topic
from domain.messages import SubmissionPart
from domain.overview import Listing
from domain.people import Platform
from domain.queues import CONCERN, KIND, STATE, URGENCY, WHOSE, QueueKind, Whose
from domain.register_terms import CHANGES, DEFINITIONS, RecordState, RegisterKind
from domain.registers import Change
from domain.report_form import PEOPLE_FIELDS, Fault
from domain.retention import Choice, EarlyReason
from domain.subject_access import Where
from domain.submissions import Doing, Led, SubmissionState
from domain.words import About, Doer, FourC, IncidentState, ParticipantRole, RetentionClass, Urgency

ROOT = Path(__file__).parents[2]
CODE = [p for folder in ("bot", "cards", "handlers") for p in sorted((ROOT / folder).rglob("*.py"))]

FAMILIES: dict[str, list[str]] = {
    "urgency.": list(Urgency),
    "urgency_hint.": list(Urgency),
    "about.": list(About),
    "four_c.": list(FourC),
    "state.": list(IncidentState),
    "platform.": list(Platform),
    "participant.": list(ParticipantRole),
    "fault.": list(Fault),
    "alert.": [a for a in Asked if a is not Asked.FIRST],
    "mine.": ["reference", "concern", "reported", "state"],
    "verdict.": [*Verdict, "allowed", "forbidden"],
    "log_form.shows_": list(Shows),
    "log_form.save_": list(SAVED_AS.values()),
    "log_form.change_": [kind for kind in ChangeKind if kind not in WITH_A_FIELD],
    "request.": [Decision.GRANTED, Decision.REFUSED],
    "request.outcome_": list(Decision),
    "request.done_": list(Decision),
    "request.answer_": list(Decision),
    "keeping.class_": list(RetentionClass),
    "keeping.choice_": list(Choice),
    "keeping.done_": list(Choice),
    "keeping.why_": list(EarlyReason),
    "export.in_": list(Where),
    "export.locked_": ["ask", "go", "wait", "wrong"],
    "export.stays_": list(Stays),
    "export.why_": [how for how in PageEnd if how is not PageEnd.REPLACED],
    "breach.kind_": list(BreachKind),
    "breach.step_": list(BreachStep),
    "breach.decision_": list(BreachDecision),
    "breach.decided_": list(BreachDecision),
    "queue.kind_": list(QueueKind),
    "queue.whose_": list(Whose),
    "queue.field_": [f.removeprefix("queue_") for f in (KIND, WHOSE, CONCERN, URGENCY, STATE)],
    "queue.since_": [QueueKind.SIGN_OFF, QueueKind.REVIEW],
    "figures.table_": list(Table),
    "figures.season_": list(Season),
    "figures.kind_": [*FourC, BULLYING_ROW],
    "figures.year_": ["0", SEVERAL, UNKNOWN],
    "figures.answered_": [IN_TIME, LATE],
    "figures.outcome_": [CLOSED, OPEN],
    "timeline.kind_": list(EntryKind),
    "chronology.part_": list(ParticipantRole),
    "timeline.differs_": list(Difference),
    "entry.kind_": list(ADDED),
    "result.": list(Result),
    "course.link_": ["related", "into", "here"],
    "changed.with_": [ChangeKind.MERGED, ChangeKind.UNMERGED, ChangeKind.LINKED, ChangeKind.UNLINKED],
    "done.": list(ChangeKind),
    **{f"change.{of}_": list(Wish) for of in ("wish", "hint", "title", "text", "reason", "submit")},
    "entry.refused_": [YES, NO],
    "measure.add_": list(FOLLOWS),
    "measure.billed_": list(Billed),
    "measure.block_": ["asked", "in_place", "over"],
    "measure.blocked_": list(Blocked),
    "measure.paid_": [YES, NO],
    "measure.topic_": list(Topic),
    "measure.untold_": [EntryKind.BLOCK, EntryKind.LESSON],
    "block.": ["new", "over", "lifted"],
    "block.title_": ["new", "over", "lifted"],
    "entry.status_": [TO_DO, DONE],
    "grid.": list(Sure),
    "grid.times_": [COUNTED, *Times],
    "grid.stage_": list(Stage),
    "grid.by_": [Doer.LEAD, Doer.REPORTER],
    **{f"agreement.{word}_": list(AgreementKind) for word in ("read", "thanks", "points", "meaning", "submit")},
    "agreement.gap_": ["name", "due", "told"],
    "agreement.column_": ["name", "due", "told", "stands", "at", "version", "hash", "done", "until", "by"],
    "agreement.message_": ["first", "again", "late"],
    "overview.of_": list(Listing),
    "overview.tally_": list(Listing),
    "submission.led_": list(Led),
    "submission.led_to_": list(Led),
    "submission.state_": list(SubmissionState),
    "submission.stands_": [s for s in SubmissionState if s is not SubmissionState.WAITING],
    "submission.did_": [d for d in Doing if d is not Doing.DONE],
    "submission.history_": ["when", "who", "what"],
    "submission.sure_": ["withdraw", "end"],
    "submission.sure_title_": ["withdraw", "end"],
    "submission.answer_": [Doing.ADVISED, Doing.GRANTED, Doing.REFUSED, Doing.RETURNED],
    "submission.message_": list(SubmissionPart),
    "submission.settled_": [SubmissionPart.ANSWER, SubmissionPart.TASK, SubmissionPart.ENDING],
    "submission.text_": [
        *(f"asker_{s}" for s in (*SubmissionState, "granted_until")),
        *(f"told_{s}" for s in ("granted", "granted_until", "ended")),
    ],
    "duty.message_": list(DutyKind),
    "consent.by_": list(GivenBy),
    "consent.needs_": list(Needs),
    "consent.keep_": list(Said),
    "consent.did_": list(Kept),
    "consent.said_": list(Said),
    "consent.told_": [*ConsentVerdict, "yes_until"],
    "consent.sure_": ["withdraw", "erase"],
    "consent.sure_title_": ["withdraw", "erase"],
    "consent.do_": ["withdraw", "erase"],
    "consent.history_": ["when", "who", "what"],
    "survey.csv_": [
        *("survey", "opened", "over", "answers", "question", "choice", "count", "share"),
        *("before", "count_before", "share_before"),
    ],
    "survey_page.fault_": [Fault.MISSING, Fault.UNKNOWN_CHOICE],
    "survey_page.title_": ["gone", "busy", "refused"],
    "survey_page.told_": ["gone", "busy", "refused"],
    "register.name_": list(RegisterKind),
    "register.about_": list(RegisterKind),
    "register.state_": list(RecordState),
    "register.move_": [
        s for s in RecordState if s in {m.to for d in DEFINITIONS.values() for w in d.moves.values() for m in w}
    ],
    "register.done_": list(Change),
    "register.change_": list(CHANGES),
    "register.word_": ["low", "medium", "high"],
    "register.save_": ["csv", "xlsx"],
    "register.csv_": ["number", "kind", "latest", "note"],
    "register.history_": ["when", "who", "what", "state", "score"],
    "export.of_": ["name", "email", "house", "form", "line_manager"],
}
"""Keys whose last part is a value: `say(f"urgency.{urgency}")`. A new value of an enum needs its sentence."""
DETAIL_FIELDS = [*PEOPLE_FIELDS, "house", "form"]


@dataclass(frozen=True)
class Use:
    """One place in the code that says something."""

    where: str
    keys: frozenset[str]
    given: frozenset[str] | None


@cache
def calls_in(path: Path) -> tuple[ast.Call, ...]:
    """Every call that a file makes. Each is read once: to parse all the code takes seconds."""
    return tuple(node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))


def uses(path: Path) -> Iterator[Use]:
    """Every call of `say` in a file, with its keys and the placeholders it fills (None where it passes a mapping on)."""
    for call in calls_in(path):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        where = f"{path.relative_to(ROOT)}:{call.lineno}"
        if name == "say":
            given = None if any(k.arg is None for k in call.keywords) else frozenset(k.arg for k in call.keywords if k.arg)
            yield Use(where, frozenset(_keys(call.args[0], where)), given)
        if name == "_notice":
            yield Use(where, frozenset(f"note.{key}" for key in _keys(call.args[0], where)), frozenset())


def _keys(argument: ast.expr, where: str) -> Iterator[str]:
    match argument:
        case ast.Constant(value=str() as key):
            yield key
        case ast.IfExp(body=body, orelse=orelse):
            yield from _keys(body, where)
            yield from _keys(orelse, where)
        case ast.JoinedStr(values=parts):
            pattern = "".join(_constant(p) for p in parts)
            yield from _family(pattern, where)
        case _:
            raise AssertionError(f"{where}: a key that cannot be read from the code")


def _constant(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "{}"


def _family(pattern: str, where: str) -> Iterator[str]:
    special = {
        "help.{}_does": [f"help.{c}_does" for c in COMMANDS],
        "note.{}": [],
        "register.field_{}_{}": [f"register.field_{k}_{s.id}" for k, d in DEFINITIONS.items() for s in d.fields],
        "detail.{}": [f"detail.{f}" for f in DETAIL_FIELDS],
        "detail.{}_yes": ["detail.repeat_yes", "detail.illegal_yes"],
        "detail.{}_no": ["detail.repeat_no", "detail.illegal_no"],
        "progress.{}": ["progress.taken", "progress.closed"],
        "progress.{}_title": ["progress.taken_title", "progress.closed_title"],
    }
    if pattern in special:
        yield from special[pattern]
        return
    prefix = pattern.removesuffix("{}")
    assert prefix in FAMILIES, f"{where}: say which values {pattern!r} can have, in FAMILIES"
    yield from (f"{prefix}{value}" for value in FAMILIES[prefix])


def placeholders(text: str) -> frozenset[str]:
    """What a sentence wants to be filled in."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("path", CODE, ids=[str(p.relative_to(ROOT)) for p in CODE])
def test_what_is_said_has_its_sentence(path: Path) -> None:
    """The key exists, and the sentence wants exactly what the code fills in: at each place in a file that says something."""
    for use in uses(path):
        family = frozenset().union(*(placeholders(texts().get(key, "")) for key in use.keys))
        for key in use.keys:
            assert key in texts(), f"{use.where}: there is no {key}"
            if use.given is not None:
                wanted = placeholders(texts()[key])
                assert wanted <= use.given, f"{use.where}: {key} wants {sorted(wanted - use.given)}"
                assert use.given <= family, f"{use.where}: nothing says {sorted(use.given - family)}"


def test_every_sentence_is_said() -> None:
    """A sentence that nothing says is one that somebody would mend in vain."""
    said = {key for path in CODE for use in uses(path) for key in use.keys} | {f"action.{a}" for a in audited_actions()}
    assert sorted(set(texts()) - said) == []


def audited_actions() -> set[str]:
    """What can stand in the log of a case: the actions that the handlers note, but for readings."""
    found: set[str] = set()
    for path in (p for p in CODE if p.parent == ROOT / "handlers"):
        for call in calls_in(path):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "note":
                found |= set(_actions(call.args[2])) if len(call.args) > 3 else set()
            elif isinstance(call.func, ast.Name) and call.func.id == "Noted":
                found |= set(_actions(call.args[0])) if len(call.args) > 1 else set()
    return found - READINGS


def _actions(argument: ast.expr) -> Iterator[str]:
    match argument:
        case ast.Constant(value=str(action)):
            yield action
        case ast.IfExp(body=body, orelse=orelse):
            yield from _actions(body)
            yield from _actions(orelse)
        case ast.JoinedStr():
            inner = next(v for v in argument.values if isinstance(v, ast.FormattedValue))
            prefix = "".join(str(p.value) for p in argument.values if isinstance(p, ast.Constant))
            yield from (prefix + end for end in _actions(inner.value))
        case _:
            raise AssertionError(f"an action that cannot be read from the code: {ast.unparse(argument)}")


def test_every_action_in_a_cases_log_has_a_word() -> None:
    """Nobody reads `alert.nobody_to_ask` in a case."""
    assert {f"action.{a}" for a in audited_actions()} == {k for k in texts() if k.startswith("action.")}


@pytest.mark.parametrize("family", sorted({key.partition(".")[0] for key in texts()}))
def test_each_sentence_is_fit_to_be_read(family: str) -> None:
    """Not empty, no space at its ends that is not meant, no clause id, no word of a platform's markup."""
    for key in (key for key in texts() if key.partition(".")[0] == family):
        text = texts()[key]
        assert text.strip(), key
        assert "  " not in text, key
        assert not re.search(r"[*_`]{1,2}\w+[*_`]{1,2}|<[@!#]|:\w+:", text), key
        assert all(name and name.isidentifier() for name in placeholders(text)), key


def test_what_was_typed_is_not_read_as_a_placeholder() -> None:
    """A name in braces is a name."""
    assert "{reference}" in say("note.taken", owner="{reference} {0}", reference="CSS-1", when="now")


def test_a_missing_key_or_placeholder_is_said_at_once() -> None:
    """Not a dialog with a hole in it."""
    with pytest.raises(KeyError):
        say("no.such.key")
    with pytest.raises(KeyError):
        say("note.taken", owner="x")


def test_phones_are_listed() -> None:
    """Role and number."""
    assert phone_list((("DSL", "01"), ("Deputy", "02"))) == "DSL 01; Deputy 02"


def test_every_state_of_an_alert_can_be_shown() -> None:
    """The three states of an alert are drawn with the words of a case."""
    assert len(AlertState) == 3
