"""The life of what somebody sent in under a request type: who has to do what with it next, and what it was answered.

A small state machine without a clock: `sent` and `after` say where a submission stands, and refuse what cannot be done there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from domain.report_form import Fault, Filled
from domain.request_types import AnswerStep, RequestTask, RequestType, StepAct, TaskWhen

ANSWER_FIELD, NOTE_FIELD = "submission_answer", "submission_note"
"""The fields of the form by which somebody answers."""

Values: TypeAlias = Mapping[str, str]
"""What was filled in, by the item's id, as it is kept: a moment in ISO 8601, a person by id, a choice by its value."""


class SubmissionState(StrEnum):
    """Where one stands. `granted`: the yes holds, or the declaration does. `ended`: it did."""

    WAITING = "waiting"
    RETURNED = "returned"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


LIVE = frozenset({SubmissionState.WAITING, SubmissionState.RETURNED, SubmissionState.GRANTED})
"""Something may still come of these."""


class Doing(StrEnum):
    """What was done with one. `returned`: whoever asked is asked back. `done`: a task is."""

    SENT = "sent"
    REWORDED = "reworded"
    ADVISED = "advised"
    GRANTED = "granted"
    REFUSED = "refused"
    RETURNED = "returned"
    DONE = "done"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


_ANSWERS: Mapping[StepAct, tuple[Doing, ...]] = {
    StepAct.ADVISE: (Doing.ADVISED, Doing.RETURNED),
    StepAct.DECIDE: (Doing.GRANTED, Doing.REFUSED, Doing.RETURNED),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a submission stands. `step`: which of its steps it waits for. `tasks`: what is to be done; `done`: what was.

    `about`: the ids of the staff whom it is about. They have no part in it, whatever their roles.
    """

    state: SubmissionState
    step: int = 0
    tasks: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    until: datetime | None = None
    about: tuple[str, ...] = ()


def sent(kind: RequestType, until: datetime | None, about: tuple[str, ...] = ()) -> Place:
    """Where one stands that has just been sent in: it waits for its first step, or holds at once where it has none."""
    waits = Place(SubmissionState.WAITING, until=until)
    return replace(waits if kind.steps else _granted(kind, waits, until), about=about)


def after(kind: RequestType, place: Place, doing: Doing, *, until: datetime | None = None, task: str = "") -> Place | None:
    """Where one stands after something was done with it; None where that cannot be done now.

    `until`: how long the yes holds, as far as it is known now. `task`: the one that was done.
    """
    found = _after(kind, place, doing, until, task)
    return replace(found, about=place.about) if found is not None else None


def _after(kind: RequestType, place: Place, doing: Doing, until: datetime | None, task: str) -> Place | None:
    state = place.state
    match doing:
        case Doing.ADVISED | Doing.GRANTED | Doing.REFUSED | Doing.RETURNED if doing in answers(kind, place):
            return _answered(kind, place, doing, until)
        case Doing.REWORDED if state is SubmissionState.RETURNED:
            return Place(SubmissionState.WAITING, place.step, until=until)
        case Doing.WITHDRAWN if state in {SubmissionState.WAITING, SubmissionState.RETURNED}:
            return Place(SubmissionState.WITHDRAWN, place.step, until=place.until)
        case Doing.ENDED if state is SubmissionState.GRANTED:
            left = tuple(t.id for t in kind.tasks if t.when is TaskWhen.ENDED and (not t.undoes or t.undoes in place.done))
            return Place(SubmissionState.ENDED, place.step, left, place.done, until=until or place.until)
        case Doing.DONE if task in place.tasks:
            left = tuple(t for t in place.tasks if t != task)
            # What was only handed over to be carried out is over with the last of it.
            over = not left and kind.is_handed_over
            return Place(SubmissionState.ENDED if over else state, place.step, left, (*place.done, task), place.until)
        case _:
            return None


def answers(kind: RequestType, place: Place) -> tuple[Doing, ...]:
    """What whoever takes the next step may say."""
    step = step_of(kind, place)
    return _ANSWERS[step.act] if step is not None else ()


def step_of(kind: RequestType, place: Place) -> AnswerStep | None:
    """The step for which one waits; None where it waits for none."""
    waits = place.state is SubmissionState.WAITING and place.step < len(kind.steps)
    return kind.steps[place.step] if waits else None


def tasks_of(kind: RequestType, place: Place) -> tuple[RequestTask, ...]:
    """What is still to be done for one."""
    return tuple(task for task in kind.tasks if task.id in place.tasks)


def _answered(kind: RequestType, place: Place, doing: Doing, until: datetime | None) -> Place:
    match doing:
        case Doing.RETURNED:
            return Place(SubmissionState.RETURNED, place.step, until=place.until)
        case Doing.REFUSED:
            return Place(SubmissionState.REFUSED, place.step, until=place.until)
        case _ if place.step + 1 < len(kind.steps):
            return Place(SubmissionState.WAITING, place.step + 1, until=place.until)
        case _:
            return _granted(kind, place, until)


def _granted(kind: RequestType, place: Place, until: datetime | None) -> Place:
    begun = tuple(t.id for t in kind.tasks if t.when is TaskWhen.GRANTED)
    return Place(SubmissionState.GRANTED, place.step, begun, until=until)


@dataclass(frozen=True, slots=True)
class SubmissionVersion:
    """What was done with a submission, and how it reads and stands since. Never changed itself. `number` counts from 1.

    `person_id`: who did it, empty where it came by itself. `note`: what they said; `task`: the one that was done.
    """

    id: str
    submission_id: str
    number: int
    person_id: str
    at: datetime
    doing: Doing
    place: Place
    values: Values
    note: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody sent in, without a word of it: what its newest version makes of it. `type`: the id of its request type."""

    id: str
    type: str
    reference: str
    asker_id: str
    sent_at: datetime
    changed_at: datetime
    versions: int
    place: Place


def standing(of: Submission, newest: SubmissionVersion) -> Submission:
    """A submission as its newest version has it."""
    return Submission(of.id, of.type, of.reference, of.asker_id, of.sent_at, newest.at, newest.number, newest.place)


# What is shown


@dataclass(frozen=True, slots=True)
class RequestMenu:
    """What somebody may ask for, by group, and what there is of theirs: to answer, to do, asked for."""

    types: tuple[tuple[str, tuple[RequestType, ...]], ...]
    to_answer: tuple["SubmissionLine", ...]
    to_do: tuple["SubmissionLine", ...]
    own: tuple["SubmissionLine", ...]
    registers: tuple[RequestType, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class SubmissionLine:
    """One in a list. `headline`: what it is about; `asker`: a name. `title`: of its type, empty where that is dropped."""

    submission: Submission
    title: str = ""
    headline: str = ""
    asker: str = ""


@dataclass(frozen=True, slots=True)
class SubmissionPage:
    """A page of all of a type. `after`: what the button to the next one carries, where there is more."""

    type: RequestType
    live: bool
    lines: tuple[SubmissionLine, ...]
    after: str = ""
    begins: bool = True


@dataclass(frozen=True, slots=True)
class SubmissionQuestions:
    """The form of a request. `names`: labels of people who are picked, by field; `record`: the one that is worded anew.

    `form_id`: sent twice it is kept once. `waits_for`: the names of those who will be asked first.
    """

    type: RequestType
    form_id: str
    now: datetime
    filled: Filled = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    record: Submission | None = None
    asked_back: str = ""
    waits_for: tuple[str, ...] = ()
    stale: bool = False

    @property
    def state(self) -> str:
        """What the form carries."""
        of = f"{self.record.id}|{self.record.versions}" if self.record is not None else "|"
        return f"{self.type.id}|{self.form_id}|{of}"


class Led(StrEnum):
    """What a request has led to elsewhere."""

    BREACH = "breach"
    FILTER = "filter"


@dataclass(frozen=True, slots=True)
class LedTo:
    """One such thing. `id` and `reference` are for who may read it there, and empty for anybody else."""

    what: Led
    id: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class SubmissionFile:
    """A submission with all that was done with it, for whoever may read it, and what they may do with it.

    `history`: the oldest first, with the name of who did it. `answers`: what they may say now; `tasks`: what they may do.
    `waits_for`: the names of those whose answer it waits for. `names`: of staff in its fields, by id.
    """

    type: RequestType
    submission: Submission
    asker: str
    newest: SubmissionVersion
    history: tuple[tuple[SubmissionVersion, str], ...]
    names: Mapping[str, str]
    waits_for: tuple[str, ...] = ()
    answers: tuple[Doing, ...] = ()
    tasks: tuple[RequestTask, ...] = ()
    open_tasks: tuple[RequestTask, ...] = ()
    may_reword: bool = False
    may_withdraw: bool = False
    may_end: bool = False
    led_to: tuple[LedTo, ...] = ()
    form_id: str = ""
    filled: Filled = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    saved: bool = False
    stale: bool = False

    @property
    def state(self) -> str:
        """What its form carries."""
        return f"{self.submission.id}|{self.submission.versions}|{self.form_id}"


@dataclass(frozen=True, slots=True)
class SubmissionExport:
    """All requests of a type, for a spreadsheet, the newest first: each with all that was done with it."""

    type: RequestType
    at: datetime
    files: tuple[SubmissionFile, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """A yes in the register that answers a question: which, by whom, until when.

    What it covers is read in a dialog: an answer stays in a chat, where none of a request's words may stand.
    """

    submission_id: str
    reference: str
    title: str
    by: str
    since: datetime
    until: datetime | None
