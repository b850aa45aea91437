"""A policy's own response grid, as data: for each kind of incident, what is done the first time, the second, and after that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.words import About, Doer, Role

ILLEGAL = "illegal"
"""The fact that the report itself may tell: whether a law could have been broken."""
FAMILIES_REFUSE = "families_refuse"
"""The fact that contact with parents may tell, where a grid has it: whether a family refuses to take part."""


class Times(StrEnum):
    """How often it has happened, this time among them."""

    FIRST = "first"
    SECOND = "second"
    MORE = "more"

    @property
    def again(self) -> "Times":
        """What the next time would be."""
        return Times.SECOND if self is Times.FIRST else Times.MORE


class Sure(StrEnum):
    """Whether the policy lays a step down, or only allows it."""

    DEFINITE = "definite"
    POSSIBLE = "possible"


class Stage(StrEnum):
    """What a step is for: the response itself, going further than that, or keeping people safe."""

    RESPONSE = "response"
    ESCALATION = "escalation"
    SAFEGUARDING = "safeguarding"


class Measured(StrEnum):
    """What is done about an incident and written down in a form of its own, of which a policy may say something."""

    CONFISCATION = "confiscation"
    SEARCH = "search"
    BLOCK = "block"
    DAMAGE = "damage"
    LESSON = "lesson"


class Counts(StrEnum):
    """Which earlier incidents make one a repeat: of the same kind, in the same row of the grid, or anywhere in it."""

    KIND = "kind"
    ROW = "row"
    GRID = "grid"


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a grid can have done, in the bot's own words.

    `by`: who carries it out; Doer.LEAD is whoever answers for the case. `to`: whom it is brought to; `{to}` in the text stands
    for their titles at this school.
    """

    id: str
    text: str
    by: Role | Doer = Doer.LEAD
    to: tuple[Role, ...] = ()
    stage: Stage = Stage.RESPONSE


@dataclass(frozen=True, slots=True)
class Cell:
    """One step of a row with the clauses it stands on. `when`: the facts it needs; what is left out does not matter."""

    action: str
    sure: Sure
    cites: tuple[str, ...]
    when: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A level, or a line, of the grid, with its steps by how often it has happened. A time not given is as the one before.

    `again`: the row that a repeat belongs to, and `joins` of that row: its steps are added to the row's own, instead of taking
    their place.
    """

    id: str
    name: str
    about: frozenset[About]
    cites: tuple[str, ...]
    steps: Mapping[Times, tuple[Cell, ...]]
    again: str = ""
    joins: bool = False

    def cells(self, times: Times) -> tuple[Cell, ...]:
        """The steps for the first time, the second, or one after that."""
        found: tuple[Cell, ...] = ()
        for each in Times:
            found = self.steps.get(each, found)
            if each is times:
                break
        return found

    @property
    def last(self) -> Times:
        """The last time for which the row has steps of its own."""
        return max(self.steps, key=list(Times).index)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of incident that a row names. `facts`: what is settled by its being of this kind.

    `confirm`: it is not suggested for a concern until somebody has chosen it, since the concern alone does not say so much.
    """

    id: str
    name: str
    row: str
    concerns: frozenset[str]
    about: frozenset[About]
    facts: Mapping[str, bool] = field(default_factory=dict)
    again: str = ""
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Always:
    """A step of every row, for reports about some: no concern and no time changes it."""

    cell: Cell
    about: frozenset[About]


@dataclass(frozen=True, slots=True)
class NoRow:
    """Why the grid has nothing for some concerns, about some people. Empty is all of them."""

    concerns: frozenset[str]
    about: frozenset[About]
    why: str
    cites: tuple[str, ...] = ()

    def covers(self, concern: str, about: About) -> bool:
        """Whether it speaks of such a report."""
        return (not self.concerns or concern in self.concerns) and (not self.about or about in self.about)


@dataclass(frozen=True, slots=True)
class Note:
    """What the policy says of the grid as a whole, or of something that is done about an incident."""

    text: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A policy's grid, whole and checked: every clause exists, and every concern has a kind or a reason for having none.

    `facts`: what steps can turn on, each as a question with yes or no for its answer. `measures`: what the policy says of what
    is done, beside the rows.
    """

    counts: Counts
    facts: Mapping[str, str]
    actions: Mapping[str, Action]
    rows: Mapping[str, Row]
    kinds: Mapping[str, Kind]
    always: tuple[Always, ...] = ()
    no_row: tuple[NoRow, ...] = ()
    note: Note | None = None
    measures: Mapping[Measured, tuple[Note, ...]] = field(default_factory=dict)

    def kinds_of(self, concern: str, about: About) -> tuple[Kind, ...]:
        """The kinds of incident that a report of this concern can be."""
        return tuple(k for k in self.kinds.values() if concern in k.concerns and about in k.about)

    def reason(self, concern: str, about: About) -> NoRow | None:
        """Why there is none, where there is none."""
        return next((n for n in self.no_row if n.covers(concern, about)), None)
