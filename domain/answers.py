"""What staff ask, and what a school's policy says to it: the catalogue shared by all schools, and one answer sheet a school.

Everything here was written by somebody. Which question was meant is found elsewhere (`domain.understanding`); what the answer
to it is, given what is known, is decided here and is never guessed.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from domain.words import About, Role


class Verdict(StrEnum):
    """What a policy says to something. The words are those that people and programs see."""

    YES = "yes"
    NO = "no"
    ASK_FIRST = "ask_first"
    AVOID = "avoid"
    MUST = "must"
    DEPENDS = "depends"
    INFO = "info"
    NOT_COVERED = "not_covered"


STRICTNESS: Mapping[Verdict, int] = {
    Verdict.NO: 6,
    Verdict.MUST: 5,
    Verdict.ASK_FIRST: 4,
    Verdict.AVOID: 3,
    Verdict.DEPENDS: 2,
    Verdict.NOT_COVERED: 1,
    Verdict.INFO: 1,
    Verdict.YES: 0,
}
"""Where two rules could be meant, the stricter is the safer to give."""


class Form(StrEnum):
    """How a question is put: whether something may be done, whether it must be, whether it is so, or what, who and when.

    A leading one ("..., so that's fine, right?") asks whether it may be, and hopes for a yes; a needless one ("I don't have to,
    do I?") whether it must be, and hopes that it need not. To that, and to a reversed one ("is there a rule against it?"), a
    plain no would say the opposite of what is meant. One for a fact ("how many?", "who checks that?") is answered with it, even
    where it is a duty. Whoever asks whom to tell ("who does this go to?") must, where the rule names somebody.
    """

    MAY = "may"
    LEADING = "leading"
    NEEDLESS = "needless"
    REVERSED = "reversed"
    FACT = "fact"
    MUST = "must"
    TELL = "tell"
    IS = "is"
    WHAT = "what"


HOPING = frozenset({Form.LEADING, Form.NEEDLESS})
"""Forms of those who want something confirmed: that alone makes no yes."""

PERMISSION, GIVEN, NOT_GIVEN = "permission", "yes", "no"
"""The fact whether whoever must agree has agreed, and its values where they have, and where they have not."""
CONSENT = "consent"
"""The fact whether the parents have agreed, with the same values."""


class Frame(StrEnum):
    """What must not be mixed up in a question: who acts, on whom, who made contact, whose device, whose account."""

    ACTOR = "actor"
    WHOM = "whom"
    STARTS = "starts"
    DEVICE = "device"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a fact: how it stands on a button, and how people say it unasked."""

    value: str
    label: str
    says: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that can decide a question, with what the bot asks to learn it."""

    id: str
    ask: str
    options: tuple[Option, ...]

    def label(self, value: str) -> str:
        """A value as people read it."""
        return next((o.label for o in self.options if o.value == value), value)


@dataclass(frozen=True, slots=True)
class Question:
    """Something that staff ask. `title` completes "I read this as: ..."; `asks` are ways of asking it, for learning from."""

    id: str
    topic: str
    title: str
    frame: Mapping[Frame, str] = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that staff ask, the facts that can matter, and the topics in the order in which they are browsed."""

    questions: Mapping[str, Question]
    facts: Mapping[str, Fact]
    topics: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReportHint:
    """What to fill into the report form if the person wants to report it."""

    concern: str
    about: About | None = None


@dataclass(frozen=True, slots=True)
class Contrary:
    """What another clause of the same policy says to the same: never stricter than the case that it stands beside."""

    verdict: Verdict
    say: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What the policy says under a condition. An empty condition is "otherwise".

    `but`: the policy contradicts itself here, and this is its other word; both are shown. `asked`: the verdict in other words
    where the question is put in another form than the rule: "may I throw it away?" to "it must be wiped" is a no.
    `once_agreed`: what holds where one of `roles` must be asked first, and has agreed; with `all_agree`, each of them.
    """

    verdict: Verdict
    say: str
    cites: tuple[str, ...]
    roles: tuple[Role, ...] = ()
    when: Mapping[str, frozenset[str]] = field(default_factory=dict)
    report: ReportHint | None = None
    but: Contrary | None = None
    asked: Mapping[Form, Verdict] = field(default_factory=dict)
    once_agreed: str = ""
    all_agree: bool = False

    @property
    def leave(self) -> tuple[str, ...]:
        """The facts that tell whether whoever must agree has agreed."""
        if not self.once_agreed and self.verdict is not Verdict.ASK_FIRST:
            return ()
        return (PERMISSION, CONSENT) if Role.PARENTS in self.roles else (PERMISSION,)


@dataclass(frozen=True, slots=True)
class Answer:
    """A school's answer to a question: one case, or one a combination of facts. `assume` holds unless otherwise said.

    `since`: the day from which it holds, where that is not the day of the policy itself. `meanwhile`: the verdict as long as
    the fact that decides is not known.
    """

    to: str
    cases: tuple[Case, ...]
    depends: str = ""
    assume: Mapping[str, str] = field(default_factory=dict)
    since: date | None = None
    meanwhile: Verdict = Verdict.DEPENDS

    @property
    def usual(self) -> tuple[Case, ...]:
        """The cases that can hold where nothing is told."""
        return tuple(_possible(self, self.assume))

    @property
    def turns_on(self) -> frozenset[str]:
        """The facts that decide, or can."""
        return frozenset(fact for case in self.cases for fact in (*case.when, *case.leave))


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that one school answers, by question: the answers to each with the oldest first."""

    answers: Mapping[str, tuple[Answer, ...]]

    def on(self, day: date, question: str) -> Answer | None:
        """The answer that holds on a day, None where the policy does not say."""
        return next((a for a in reversed(self.answers.get(question, ())) if a.since is None or a.since <= day), None)

    def __iter__(self) -> Iterator[Answer]:
        return (answer for dated in self.answers.values() for answer in dated)


@dataclass(frozen=True, slots=True)
class Decision:
    """The case that holds, or the fact that is missing to tell which of `possible`. Neither: the policy does not say."""

    answer: Answer | None
    case: Case | None = None
    number: int = 0
    missing: str = ""
    form: Form | None = None
    possible: tuple[Case, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict of it."""
        if self.case is not None:
            return _as_asked(self.case, self.form)
        return self.answer.meanwhile if self.missing and self.answer is not None else Verdict.NOT_COVERED

    @property
    def cites(self) -> tuple[str, ...]:
        """The clauses it stands on, the case's own or those of all that are possible."""
        if self.case is not None:
            return self.case.cites
        return tuple(dict.fromkeys(c for case in self.possible for c in case.cites))

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles it names."""
        if self.case is not None:
            return self.case.roles
        return tuple(dict.fromkeys(r for case in self.possible for r in case.roles))

    @property
    def agreed(self) -> bool:
        """It holds because whoever must be asked has agreed."""
        return self.case is not None and bool(self.case.once_agreed) and self.case.verdict is Verdict.YES

    @property
    def refused(self) -> bool:
        """It is a no because whoever must be asked has said no."""
        asked = self.answer.cases[self.number].verdict if self.answer is not None and self.case is not None else None
        return asked is Verdict.ASK_FIRST and self.case is not None and self.case.verdict is Verdict.NO

    @property
    def by_leave(self) -> bool:
        """It holds because leave was given, by whoever may give it."""
        return self.agreed or (self.case is not None and self.case.when.get(PERMISSION) == frozenset({GIVEN}))

    @property
    def permits(self) -> bool:
        """It is answered with a yes, or with the words of one."""
        worded = self.case is not None and self.case.verdict is Verdict.YES
        return self.verdict is Verdict.YES or (worded and self.verdict is Verdict.INFO)

    @property
    def roles_asked(self) -> tuple[Role, ...]:
        """Whoever must be asked first. Where a case of its own stands for leave that was given, all whom the answer names."""
        if self.answer is None:
            return ()
        cases = [self.answer.cases[self.number]] if self.agreed else self.answer.cases
        return tuple(dict.fromkeys(role for case in cases for role in case.roles))

    @property
    def by_all(self) -> bool:
        """Each of those must have agreed, not only one."""
        return self.answer is not None and self.answer.cases[self.number].all_agree

    @property
    def on_facts(self) -> bool:
        """It holds because of how things stand, and would be another if they stood otherwise."""
        return self.case is not None and (bool(self.case.when) or self.agreed)


def decide(
    question: Question,
    answer: Answer | None,
    known: Mapping[str, str],
    form: Form | None = None,
    refused: AbstractSet[str] = frozenset(),
) -> Decision:
    """What a school answers to a question, as far as the known facts go, and in the form in which it was put.

    `refused`: the facts of which it is told that leave was not given.
    """
    if answer is None:
        return Decision(None)
    facts = {**answer.assume, **{f: v for f, v in known.items() if f in question.facts}}
    possible = _possible(answer, facts)
    if (holds := _the_one(possible, facts)) is not None:
        return Decision(answer, _agreed(holds, known, refused), answer.cases.index(holds), form=form)
    asked = next(f for f in question.facts if f not in facts and any(f in c.when for c in answer.cases))
    return Decision(answer, missing=asked, form=form, possible=tuple(possible))


def _the_one(possible: Sequence[Case], facts: Mapping[str, str]) -> Case | None:
    """The case that holds, however things stand of which nothing is known; None where that decides.

    Where all that are possible forbid it, it is forbidden: in the words of the case of which most is known, if any is.
    """
    if len({(c.verdict, c.say) for c in possible}) == 1:
        return possible[0]
    if any(c.verdict is not Verdict.NO for c in possible):
        return None
    known = [len(c.when.keys() & facts.keys()) for c in possible]
    return possible[known.index(max(known))] if max(known) > 0 else None


def _agreed(case: Case, known: Mapping[str, str], refused: AbstractSet[str]) -> Case:
    """The case as it stands once whoever must be asked has agreed, or has not."""
    if case.once_agreed and known.get(PERMISSION) == GIVEN:
        return replace(case, verdict=Verdict.YES, say=case.once_agreed, roles=(), asked={})
    if case.verdict is Verdict.ASK_FIRST and not refused.isdisjoint(case.leave):
        return replace(case, verdict=Verdict.NO, asked={})
    return case


_NO_FACT = frozenset({Verdict.MUST, Verdict.YES})
"""What says nothing to "how many?" or "who checks that?"."""


def _as_asked(case: Case, form: Form | None) -> Verdict:
    if form is None:
        return case.verdict
    if form in HOPING:
        # What somebody wants confirmed may be the opposite of what the rule allows: a leading question alone makes no yes.
        verdict = case.asked.get(Form.MAY if form is Form.LEADING else Form.MUST, case.verdict)
        if form is Form.LEADING and Form.MAY not in case.asked:
            verdict = max(verdict, case.asked.get(Form.IS, verdict), key=STRICTNESS.__getitem__)
        if verdict is not Verdict.YES:
            return verdict
        # "It need not be done, need it?": that it may be is no answer, and a yes would be taken for one.
        return Verdict.INFO if form is Form.NEEDLESS and case.verdict is Verdict.YES else case.verdict
    if form is Form.TELL:
        bound = case.asked.get(Form.MUST, Verdict.NO)
        # A no would say that nobody is to be told.
        usual = Verdict.MUST if case.roles and case.verdict is Verdict.INFO else case.verdict
        return usual if bound is Verdict.NO else bound
    if form is Form.FACT:
        return case.asked.get(Form.WHAT, Verdict.INFO if case.verdict in _NO_FACT else case.verdict)
    return case.asked.get(form, case.verdict)


def _possible(answer: Answer, facts: Mapping[str, str]) -> list[Case]:
    """The cases that the known facts leave open."""
    named = [c for c in answer.cases if c.when]
    open_still = [c for c in named if all(f not in facts or facts[f] in values for f, values in c.when.items())]
    certain = any(all(f in facts for f in c.when) for c in open_still)
    otherwise = [c for c in answer.cases if not c.when]
    return open_still if certain else [*open_still, *otherwise]
