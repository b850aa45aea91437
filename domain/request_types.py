"""Request types: what staff may ask for or declare, who answers it in what order, and what a yes sets off. Data of a policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.words import Role

LONGEST = 1000
"""Characters in a text of a request, so that a request and all that was said to it go onto one page of every chat."""
LONGEST_LINE = 150
"""Characters in one line of it."""
FIELD_PREFIX, STAFF_PREFIX = "req_", "req_staff_"
"""How the ids of its fields begin in a form; those that take a member of staff, whom a chat gives back in its own way."""


class ItemType(StrEnum):
    """What a field takes. `staff`: one member of staff, so that no pupil can stand there."""

    TEXT = "text"
    LINE = "line"
    CHOICE = "choice"
    STAFF = "staff"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class Item:
    """A field of a request's form, in the words of the policy's folder. `options`: what is chosen from, by value.

    `takes_part`: whoever is picked there is told or helps, and may answer and read as their roles have it. Whoever is picked in
    any other field is who it is about, and has no part in it.
    """

    id: str
    type: ItemType
    label: str
    hint: str = ""
    required: bool = True
    options: Mapping[str, str] | None = None
    takes_part: bool = False

    @property
    def field(self) -> str:
        """Its id in a form."""
        return (STAFF_PREFIX if self.type is ItemType.STAFF else FIELD_PREFIX) + self.id


class StepAct(StrEnum):
    """What somebody who is asked does: says what they think of it, or says yes or no."""

    ADVISE = "advise"
    DECIDE = "decide"


@dataclass(frozen=True, slots=True)
class AnswerStep:
    """A step on the way to an answer: any one of those who hold the roles takes it.

    `days`: within how many school days; then those who hold `then` are asked too, and may take it as well.
    """

    act: StepAct
    roles: tuple[Role, ...]
    days: int = 3
    then: tuple[Role, ...] = ()


class TaskWhen(StrEnum):
    """When a task begins: with the yes, or when what was allowed is over."""

    GRANTED = "granted"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RequestTask:
    """Something that is to be done, by any one who holds the roles, within so many school days.

    `undoes`: the task that it takes back. Where that was never done there is nothing to take back.
    """

    id: str
    title: str
    roles: tuple[Role, ...]
    when: TaskWhen = TaskWhen.GRANTED
    days: int = 1
    undoes: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """How long a yes holds: until what a field says, for so many months, or, with neither, until somebody ends it.

    `warn_days`: how many days before its end whoever asked is told.
    """

    field: str = ""
    months: int = 0
    warn_days: int = 0


@dataclass(frozen=True, slots=True)
class OpensBreach:
    """With one a breach of personal data begins, with its clock. Each is a field of the form.

    `found`: when they became aware; `kind`: what has happened, in the words of a breach; `caused`: who of the staff did it.
    """

    found: str
    kind: str
    caused: str = ""


@dataclass(frozen=True, slots=True)
class LogsFilter:
    """What is done for one stands in the register of filter changes. `change`: of what kind it is, in that register's words.

    `what`, `why`: the fields of the form that say it. `done`: the task with which the line is written; `closed`: the one with
    which it is closed.
    """

    change: str
    what: str
    why: str
    done: str
    closed: str = ""


@dataclass(frozen=True, slots=True)
class RequestType:
    """A kind of request. Where it has no steps it is a declaration: it holds as soon as it is made, and `tells` are told.

    `asks`: who may make one, everybody of the staff where it is empty. `reads`: who may read all of them, besides those who
    answer. `questions`: the questions of the catalogue to which a yes is an answer. `since`: the field that says from when on.
    """

    id: str
    group: str
    title: str
    about: str
    items: tuple[Item, ...]
    asks: frozenset[Role] = frozenset()
    steps: tuple[AnswerStep, ...] = ()
    tasks: tuple[RequestTask, ...] = ()
    tells: tuple[Role, ...] = ()
    reads: frozenset[Role] = frozenset()
    term: Term = Term()
    since: str = ""
    questions: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    breach: OpensBreach | None = None
    filter: LogsFilter | None = None

    @property
    def answering(self) -> frozenset[Role]:
        """Every role that may have to answer one."""
        return frozenset(role for step in self.steps for role in (*step.roles, *step.then))

    @property
    def doing(self) -> frozenset[Role]:
        """Every role that may have a task of one."""
        return frozenset(role for task in self.tasks for role in task.roles)

    @property
    def is_handed_over(self) -> bool:
        """Whether nobody answers it and nothing holds: somebody carries it out, and then it is over."""
        return not self.steps and bool(self.tasks) and self.term == Term()

    @property
    def readers(self) -> frozenset[Role]:
        """Every role that may read all of them."""
        return self.answering | self.doing | self.reads | frozenset(self.tells)

    @property
    def headline(self) -> Item:
        """What stands for one of them in a list: the first line of its form, else its first field."""
        return next((i for i in self.items if i.type is ItemType.LINE), self.items[0])

    def whom(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Whom of the staff one that was filled in so is about, by id."""
        fields = (i.id for i in self.items if i.type is ItemType.STAFF and not i.takes_part)
        return tuple(sorted({values[i] for i in fields if values.get(i)}))

    def item(self, item_id: str) -> Item | None:
        """The field of that id."""
        return next((i for i in self.items if i.id == item_id), None)

    def task(self, task_id: str) -> RequestTask | None:
        """The task of that id."""
        return next((t for t in self.tasks if t.id == task_id), None)
