"""What is held about one person, made ready for review: the names of others are taken out as far as they are known."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from domain.consents import ConsentVersion, Entry
from domain.entries import Contact, Line, Told
from domain.incident import Incident
from domain.measures import (
    AccessBlock,
    Concerned,
    Confiscated,
    Damage,
    Following,
    InPlace,
    Lesson,
    Lifted,
    Measure,
    Moved,
    Paid,
    Released,
    Searched,
)
from domain.names import possible_matches
from domain.people import Kind, Person
from domain.registers import Record, Shown
from domain.report_form import Fault
from domain.signings import GivenSignature
from domain.words import ParticipantRole, Role

PERSON = "person"
"""The field of the form."""

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_NO_NAME = frozenset(
    (
        "his",
        "her",
        "their",
        "the",
        "and",
        "with",
        "from",
        "mother",
        "father",
        "parents",
        "parent",
        "carer",
        "carers",
        "mrs",
        "miss",
    )
)
"""What people write beside a name, or in its place."""
_OFTEN = 3
"""Words of fewer letters are often no name: they count as one where they begin with a capital."""


class Where(StrEnum):
    """Where in a case something was written."""

    HAPPENED = "happened"
    DONE = "done"
    PLACE = "place"
    LINK = "link"
    NOTE = "note"
    ENTRY = "entry"
    CHANGE = "change"
    ASKED = "asked"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that was written, and how it reads without the others' names. `at`: when a note or an entry was written."""

    where: Where
    original: str
    proposed: str
    at: datetime | None = None

    @property
    def changed(self) -> bool:
        """Whether a name was found in it."""
        return self.original != self.proposed


@dataclass(frozen=True, slots=True)
class HeldMeasure:
    """What was taken, searched, blocked or paid for, or what became of it: as it was written, and without the others' names."""

    original: Line
    proposed: Line


@dataclass(frozen=True, slots=True)
class HeldCase:
    """A case in which the person is named. `sure`: by the school's list; else only by a name that may be theirs.

    `parts`: none where the report does not name them, and only a measure does. `others`: who else is in it, by the label that
    stands for them, with their part. `readings`: who has looked at it, by role.
    """

    incident: Incident
    parts: tuple[ParticipantRole, ...]
    sure: bool
    others: tuple[tuple[str, ParticipantRole], ...]
    passages: tuple[Passage, ...]
    readings: tuple[tuple[datetime, tuple[Role, ...]], ...]
    measures: tuple[HeldMeasure, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A line of a register that concerns the person. Each of its versions as it was written, and without the others' names."""

    record: Record
    versions: tuple[tuple[Shown, Shown], ...]


@dataclass(frozen=True, slots=True)
class HeldConsent:
    """An entry of the register of consent that is theirs, or may be: `sure` by the school's list, else by the name alone.

    `similar`: that name is not even the same, so that it is more likely another child's. Each of its versions with its note as
    it reads without the others' names.
    """

    entry: Entry
    sure: bool
    similar: bool
    versions: tuple[tuple[ConsentVersion, str], ...]


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """Something that the person asked of others or declared, or that others asked about them, and what was written in it."""

    reference: str
    at: datetime
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """All of it. `more`: there are more cases than fit. `names`: whom each label stands for, for the reviewer alone."""

    person: Person
    at: datetime
    cases: tuple[HeldCase, ...]
    reported: tuple[Incident, ...]
    requests: tuple[HeldRequest, ...]
    names: Mapping[str, str]
    more: bool = False
    registered: tuple[HeldRecord, ...] = ()
    signed: tuple[GivenSignature, ...] = ()
    consents: tuple[HeldConsent, ...] = ()


@dataclass(frozen=True, slots=True)
class SubjectQuestions:
    """About whom it is asked."""

    filled: tuple[str, ...] = ()
    faults: Mapping[str, Fault] = field(default_factory=dict)


class Labels:
    """Gives each name that is taken out a label of its own, the same wherever it stands."""

    def __init__(self, person: Person) -> None:
        self._own = set(_folded(person.name))
        self._labels: dict[str, str] = {}
        self.names: dict[str, str] = {}
        """Whom each label stands for."""

    def of(self, name: str, person_id: str | None = None) -> str:
        """The label of somebody, by their id on a list or else by their name."""
        key = person_id or name.casefold()
        if key not in self._labels:
            label = f"person {_letters(len(self._labels))}"
            self._labels[key], self.names[label] = label, name
        return self._labels[key]

    def redact(self, text: str, names: Iterable[tuple[str, str]]) -> str:
        """A text without the names of others, each a label and the name. A word that is the person's own name too stays."""
        words = {word: label for label, name in names for word in _folded(name) if len(word) > 1 and word not in self._own}

        def without(found: re.Match[str]) -> str:
            word = found.group()
            label = next((words[form] for form in _forms(word) if form in words), None)
            return f"[{label}]" if label is not None and (len(word) >= _OFTEN or word[0].isupper()) else word

        # A first and a last name beside each other are one person.
        return re.sub(r"(\[person [A-Z]+\])(?:[ -]\1)+", r"\1", _WORD.sub(without, unicodedata.normalize("NFC", text)))


class Register:
    """Finds people of the school's lists who are named in full in a text, as it may happen to anybody."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._by_last: dict[str, list[tuple[Person, frozenset[str]]]] = {}
        for person in people:
            words = _folded(person.name)
            if len(words) > 1:
                self._by_last.setdefault(words[-1], []).append((person, frozenset(words)))

    def named_in(self, text: str) -> tuple[Person, ...]:
        """Those of whose name every word stands in the text."""
        there = {word for found in _WORD.findall(unicodedata.normalize("NFC", text)) for word in _forms(found)}
        found = (p for word in there for p, words in self._by_last.get(word, ()) if words <= there)
        return tuple(sorted(found, key=lambda p: (p.name, p.id)))


def whom_named(told: Told) -> str:
    """The name of whoever a measure is about; empty for anything else."""
    match told:
        case Confiscated(whom=whom) | Searched(whom=whom) | AccessBlock(whom=whom):
            return whom.name
        case _:
            return ""


def names_beside(told: Told) -> str:
    """What may be names in a field that says who else was there: the words that begin with a capital."""
    match told:
        case Contact(who=text) | Released(to=text) | Searched(present=text):
            found = [w for w in _WORD.findall(text) if w[0].isupper() and len(w) >= _OFTEN and w.casefold() not in _NO_NAME]
            return " ".join(found)
        case _:
            return ""


def retold(told: Measure | Following, change: Callable[[str], str]) -> Measure | Following:
    """A measure with everything that somebody typed of it changed so."""

    def other(whom: Concerned) -> Concerned:
        return replace(whom, name=change(whom.name))

    match told:
        case Confiscated(item=item, whom=whom, place=place):
            return replace(told, item=change(item), whom=other(whom), place=change(place))
        case Moved(place=place, why=why):
            return replace(told, place=change(place), why=change(why))
        case Released(to=to, why=why):
            return replace(told, to=change(to), why=change(why))
        case Searched(device=device, whom=whom, grounds=grounds, present=present, outcome=outcome):
            seen = replace(told, grounds=change(grounds), present=change(present), outcome=change(outcome))
            return replace(seen, device=change(device), whom=other(whom))
        case AccessBlock(whom=whom):
            return replace(told, whom=other(whom))
        case Lifted(why=why):
            return replace(told, why=change(why))
        case Damage(what=what):
            return replace(told, what=change(what))
        case InPlace() | Paid() | Lesson():
            return told


def _folded(name: str) -> list[str]:
    """The words of a name, without case, accents and apostrophes."""
    return [_plain(word) for word in _WORD.findall(unicodedata.normalize("NFC", name))]


def _forms(word: str) -> tuple[str, str]:
    return _plain(word), _plain(re.sub(r"['\u2019]s$", "", word, flags=re.IGNORECASE))


def _plain(word: str) -> str:
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in letters if c.isalpha())


def may_be_theirs(name: str, person: Person) -> bool:
    """Whether a name may mean the person: whoever reviews it decides."""
    theirs = Person("theirs", Kind.STAFF, person.name)
    return bool(possible_matches(name, [theirs], adult_expected=False))


def _letters(number: int) -> str:
    more, last = divmod(number, 26)
    return (_letters(more - 1) if more else "") + chr(ord("A") + last)
