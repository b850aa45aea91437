"""The register of consent: what was said for a pupil, whom a typed name means, and whether something may be published.

Every doubt is a no: a name that nobody recorded, one that two pupils have, a yes that has run out, one of whom only half were
asked. Only a yes that stands for exactly the pupil who is meant is told as one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from domain.consent_terms import ConsentTerms, GivenBy, Use
from domain.names import plain_name
from domain.people import Person
from domain.report_form import Fault, Filled

NAME_FIELD, CLASS_FIELD, USE_FIELD = "consent_pupil", "consent_class", "consent_use"
"""The fields by which somebody asks."""
BY_FIELD, SINCE_FIELD, UNTIL_FIELD, NOTE_FIELD = "consent_by", "consent_since", "consent_until", "consent_note"
"""Those of a keeper's form besides."""
EVERY_USE = "all"
"""In place of a use: all of them."""
LONGEST_NAME, LONGEST_CLASS, LONGEST_NOTE = 255, 64, 300
"""Characters."""


class Said(StrEnum):
    """What was said to a use. `withdrawn`: it was a yes, and is none any more."""

    YES = "yes"
    NO = "no"
    WITHDRAWN = "withdrawn"


class Kept(StrEnum):
    """How a version came to be."""

    RECORDED = "recorded"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    IMPORTED = "imported"


class Verdict(StrEnum):
    """Whether something may be published. Everything but `yes` is a no. `half`: not everybody who has to has agreed.

    `left`: the pupil is no longer on the school's list. `renamed`: it was recorded under another name than the list has now.
    `name_alone`: it was recorded by name alone, and may be another child's. `none`: nothing is recorded.
    """

    YES = "yes"
    NO = "no"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    HALF = "half"
    LEFT = "left"
    RENAMED = "renamed"
    NAME_ALONE = "name_alone"
    NONE = "none"


_STRICTEST = (
    *(Verdict.WITHDRAWN, Verdict.NO, Verdict.LEFT, Verdict.RENAMED, Verdict.NAME_ALONE),
    *(Verdict.LAPSED, Verdict.HALF, Verdict.NONE, Verdict.YES),
)
"""Where two entries are of one pupil, the first of these that either comes to counts."""

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Grant:
    """What was said to one use: by whom, from which moment, and until which, where that was said or follows from the policy."""

    said: Said
    by: GivenBy
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """An entry of the register, without a word of it. `pupil_id`: who it is on the school's list, if they are on it."""

    id: str
    pupil_id: str | None
    versions: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ConsentVersion:
    """How an entry reads since something was said. Never changed itself. `number` counts from 1; `grants`: by use.

    `person_id`: who recorded it, empty where a file was taken over. `form`: the pupil's class as far as it is known.
    """

    id: str
    consent_id: str
    number: int
    person_id: str
    at: datetime
    kept: Kept
    name: str
    form: str
    grants: Mapping[str, Grant]
    pupil_id: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with its newest version. `left`: its pupil was on the school's list, and is not any more.

    `renamed`: the list has them by another name now. It may be another child, who was given the number of the first.
    `name_alone`: it says no class and is of nobody on the list, and the list has one pupil of that name, who may be another.
    """

    consent: Consent
    newest: ConsentVersion
    left: bool = False
    renamed: bool = False
    name_alone: bool = False


@dataclass(frozen=True, slots=True)
class Meant:
    """One pupil whom a name may mean: by the school's list, by an entry, or by both. `entries`: what is recorded for them."""

    pupil_id: str | None
    form: str
    entries: tuple[Entry, ...] = ()

    @property
    def has_left(self) -> bool:
        """Whether nothing speaks for their being at the school still."""
        return bool(self.entries) and all(entry.left for entry in self.entries)


def standing(newest: ConsentVersion) -> Consent:
    """An entry as its newest version has it."""
    return Consent(newest.consent_id, newest.pupil_id, newest.number, newest.at)


def same_class(one: str, other: str) -> bool:
    """Whether two people have written the same class: `8c`, `8 C`."""
    return _class(one) == _class(other)


def _class(typed: str) -> str:
    return "".join(c for c in typed.casefold() if c.isalnum())


def namesakes(listed: Iterable[Person], entries: Iterable[Entry]) -> tuple[Meant, ...]:
    """Everybody of one name: pupils on the school's list, and those of whom only the register knows.

    An entry without a pupil of the list is taken for the one of that class, or for the only one, if it says no class: then a no
    is theirs, and a yes may be another child's. Where the list has that name and none of these is meant, it is of somebody who
    is not on it.
    """
    pupils = list(listed)
    kept = as_called(entries, pupils)
    found: dict[str, Meant] = {p.id: Meant(p.id, p.form) for p in pupils}
    for entry in kept:
        # First those of whom it is certain, so that the others join them and not the other way.
        if (pupil_id := entry.consent.pupil_id) is not None:
            before = found.get(pupil_id) or Meant(pupil_id, entry.newest.form)
            found[pupil_id] = Meant(pupil_id, before.form, (*before.entries, entry))
    for entry in kept:
        if entry.consent.pupil_id is not None:
            continue
        form = entry.newest.form
        theirs = [p for p in pupils if _class(form) and same_class(p.form, form)] if form else pupils
        key = theirs[0].id if len(theirs) == 1 else f"class {_class(form)}"
        before = found.get(key) or Meant(None, form)
        # A pupil of the list may have moved up from there, and have said no since: it is no yes of anybody.
        nobodys = replace(entry, left=bool(pupils) and len(theirs) != 1, name_alone=len(theirs) == 1 and not form)
        found[key] = Meant(before.pupil_id, before.form, (*before.entries, nobodys))
    return tuple(found.values())


def as_called(entries: Iterable[Entry], listed: Iterable[Person]) -> list[Entry]:
    """The entries, each with whether the list calls its pupil something else now, as far as these of the list say."""
    names = {p.id: plain_name(p.name) for p in listed}
    return [replace(e, renamed=e.renamed or _is_renamed(e, names)) for e in entries]


def _is_renamed(entry: Entry, names: Mapping[str, str]) -> bool:
    recorded = plain_name(entry.newest.name)
    return names.get(entry.consent.pupil_id or "", recorded) != recorded


def meant_by(people: Sequence[Meant], pupil_id: str | None, form: str) -> tuple[Meant, ...]:
    """Which of the namesakes are meant: whoever was picked from the list, else those of the class, if one was typed.

    Of two of one class, whoever is still at the school.
    """
    if pupil_id is not None:
        return tuple(m for m in people if m.pupil_id == pupil_id)
    if not form:
        return tuple(people)
    of_class = [m for m in people if same_class(m.form, form)]
    return tuple([m for m in of_class if not m.has_left] or of_class)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told of one use. `grant`: what it follows from, if anything was said."""

    use: Use
    verdict: Verdict
    grant: Grant | None = None


def answers_for(terms: ConsentTerms, meant: Meant, uses: Iterable[Use], now: datetime) -> tuple[Answer, ...]:
    """What may be published of a pupil at a moment."""
    known = [use for use in uses if use.id in terms.uses]
    return tuple(_strictest([_answer(terms, use, entry, now) for entry in meant.entries], use) for use in known)


def _strictest(found: list[Answer], use: Use) -> Answer:
    # Of two that say yes, the one that ends first.
    found.sort(key=lambda a: a.grant.until if a.grant is not None and a.grant.until is not None else _NEVER)
    return min(found, key=lambda a: _STRICTEST.index(a.verdict), default=Answer(use, Verdict.NONE))


def _answer(terms: ConsentTerms, use: Use, entry: Entry, now: datetime) -> Answer:
    grant = entry.newest.grants.get(use.id)
    if grant is not None and grant.said is Said.YES:
        limit = terms.until(grant.since)
        # A policy that lets a yes hold for less than it did when it was given. A day is what a change of the clocks can make.
        if limit is not None and (grant.until is None or grant.until - limit > timedelta(days=1)):
            grant = replace(grant, until=limit)
    return Answer(use, _verdict(use, grant, entry, now), grant)


def _verdict(use: Use, grant: Grant | None, entry: Entry, now: datetime) -> Verdict:
    if grant is None:
        return Verdict.NONE
    match grant.said:
        case Said.NO:
            return Verdict.NO
        case Said.WITHDRAWN:
            return Verdict.WITHDRAWN
        case Said.YES if entry.left:
            return Verdict.LEFT
        case Said.YES if entry.renamed:
            return Verdict.RENAMED
        case Said.YES if entry.name_alone:
            return Verdict.NAME_ALONE
        case Said.YES if grant.until is not None and grant.until <= now:
            return Verdict.LAPSED
        case Said.YES if not use.is_enough(grant.by):
            return Verdict.HALF
        case Said.YES:
            return Verdict.YES


def overtakes(grant: Grant, before: Grant | None, *, unseen: bool = False) -> bool:
    """Whether what was said counts in place of what stands there: a yes never does that is older than a no or a withdrawal.

    `unseen`: whoever says it was shown the entry as it stood before.
    """
    if before is None or grant.said is not Said.YES or before.said is Said.YES:
        return True
    return not unseen and grant.since >= before.since


def withdrawn(grants: Mapping[str, Grant], now: datetime) -> dict[str, Grant]:
    """All of it, with each yes withdrawn."""
    return {use: Grant(Said.WITHDRAWN, g.by, now) if g.said is Said.YES else g for use, g in grants.items()}


def carried(entry: Entry | None, pupil: Person) -> dict[str, Grant]:
    """What stands in an entry for a pupil, without a yes under another name or by name alone: it may be another child's."""
    if entry is None:
        return {}
    grants = entry.newest.grants
    sure = not pupil.id or entry.consent.pupil_id is not None or bool(entry.newest.form)
    same = sure and plain_name(entry.newest.name) == plain_name(pupil.name)
    return {use: g for use, g in grants.items() if same or g.said is not Said.YES}


def after(grants: Mapping[str, Grant], now: Mapping[str, Grant]) -> dict[str, Grant]:
    """What stands there once this was said: what was not spoken of stays."""
    return {**grants, **{use: g for use, g in now.items() if overtakes(g, grants.get(use))}}


def next_version(
    entry: Entry | None,
    pupil: Person,
    kind: Kept,
    grants: Mapping[str, Grant],
    version_id: str,
    by: str,
    at: datetime,
    note: str = "",
) -> ConsentVersion:
    """The version that comes next in an entry; the first of a new one where there is none. `by`: a person's id, or nobody."""
    consent_id = entry.consent.id if entry is not None else version_id
    number = entry.consent.versions + 1 if entry is not None else 1
    return ConsentVersion(version_id, consent_id, number, by, at, kind, pupil.name, pupil.form, grants, pupil.id or None, note)


# What is shown


class Unclear(StrEnum):
    """Why nothing can be said of anybody. `several`: more than one pupil may be meant."""

    NOBODY = "nobody"
    SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class ConsentQuestions:
    """To ask before publishing; and with `name` what was found. `consent_ids`: the entries, for keepers to open.

    `name` and `form` are who was asked about, as the answer is for. `keeps`: whoever asks keeps the register.
    """

    terms: ConsentTerms
    filled: Filled = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    label: str = ""
    name: str = ""
    form: str = ""
    unclear: Unclear | None = None
    answers: tuple[Answer, ...] = ()
    keeps: bool = False
    consent_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeepQuestions:
    """A keeper's form. `entry`: the one to which something is said; none where it is not known yet to whose.

    `stale`: it was changed while the form was open.
    """

    terms: ConsentTerms
    form_id: str
    now: datetime
    filled: Filled = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    label: str = ""
    entry: Entry | None = None
    stale: bool = False

    @property
    def state(self) -> str:
        """What the form carries: the entry, and which version of it was shown."""
        consent = self.entry.consent if self.entry is not None else None
        return f"{consent.id}|{self.form_id}|{consent.versions}" if consent is not None else f"|{self.form_id}"


@dataclass(frozen=True, slots=True)
class ConsentFile:
    """An entry as its keepers see it. `history`: the oldest first, with the name of who recorded it."""

    terms: ConsentTerms
    entry: Entry
    answers: tuple[Answer, ...]
    history: tuple[tuple[ConsentVersion, str], ...]
    saved: bool = False

    @property
    def may_be_withdrawn(self) -> bool:
        """Whether there is a yes in it."""
        return any(g.said is Said.YES for g in self.entry.newest.grants.values())


@dataclass(frozen=True, slots=True)
class ConsentErased:
    """An entry is gone, with all its versions."""


@dataclass(frozen=True, slots=True)
class LeftList:
    """Entries of pupils who are no longer on the school's list, for keepers to go through. `more`: than these."""

    terms: ConsentTerms
    entries: tuple[Entry, ...]
    more: bool = False
