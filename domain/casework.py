"""Working a case: what its forms ask, and what they carry."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.agencies import Offered
from domain.checklists import Checklist, Repeats, Suggestion
from domain.entries import Contact, EntryKind
from domain.grids import Kind, Note, Times
from domain.incident import Incident
from domain.policy import Step
from domain.report_form import Fault, Filled
from domain.words import ParticipantRole


@dataclass(frozen=True, slots=True)
class KindOfEntry:
    """What is to be added."""

    incident: Incident
    faults: Mapping[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntryQuestions:
    """An entry as it is filled in. `corrects`: the entry that is corrected, whose state stays as it is.

    `form_id`: sent twice, the same form makes one entry. `doer`: the label of whoever is picked to do an action, or to have
    something; `authorised`: of whoever allowed a search. `follows`: the entry of which this one says what became, `of_what`:
    what that was. `people`: whom the case names, by id, name and part. `warnings`: what must be heeded before anything is
    typed; `says`: what the policy says of it. `untold`: it is for others to do, and none of them may be told.
    """

    incident: Incident
    kind: EntryKind
    form_id: str
    now: datetime
    filled: Filled = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    doer: str = ""
    corrects: str = ""
    authorised: str = ""
    follows: str = ""
    of_what: str = ""
    people: tuple[tuple[str, str, ParticipantRole], ...] = ()
    warnings: tuple[Step, ...] = ()
    says: tuple[Note, ...] = ()
    untold: bool = False

    @property
    def state(self) -> str:
        """What the form carries."""
        return f"{self.incident.id}|{self.kind}|{self.form_id}|{self.corrects}|{self.follows}"


@dataclass(frozen=True, slots=True)
class Advice:
    """Of a case in which the LADO is to be asked before anything is done: the policy's clauses, and what contact there was.

    Without a clause it is national guidance.
    """

    cites: tuple[str, ...]
    sought: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True)
class StepsPage:
    """What the policy says to do in a case, how its repeats were counted, and whom to turn to outside.

    `made`: the steps that are actions already, by id. `advice`: the LADO comes before all of it.
    """

    incident: Incident
    suggestion: Suggestion
    counted: Repeats | None
    offered: tuple[Offered, ...]
    made: frozenset[str] = frozenset()
    advice: Advice | None = None


@dataclass(frozen=True, slots=True)
class DecisionQuestions:
    """Which line of the grid it is, and how often it has happened.

    `times`: None where that follows from the line, since earlier cases count for some lines and not for others.
    """

    incident: Incident
    kinds: tuple[Kind, ...]
    chosen: str
    times: Times | None
    faults: Mapping[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DecisionSteps:
    """The steps of the line that was chosen, to be decided on; `taken` is None where the grid has no line for it."""

    incident: Incident
    taken: Checklist | None
    form_id: str
    steps: Collection[str] = ()
    own: str = ""
    reason: str = ""
    faults: Mapping[str, Fault] = field(default_factory=dict)
    corrects: str = ""
    advice: Advice | None = None

    @property
    def state(self) -> str:
        """What the form carries."""
        kind, times = (self.taken.kind.id, self.taken.times.value) if self.taken is not None else ("", "")
        return f"{self.incident.id}|{kind}|{times}|{self.form_id}|{self.corrects}"
