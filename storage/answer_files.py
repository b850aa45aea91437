"""Reads the catalogue of questions and the schools' answers. What is wrong is refused, with file and line named."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, RootModel, StringConstraints, model_validator

from domain.answers import (
    PERMISSION,
    STRICTNESS,
    Answer,
    Case,
    Catalogue,
    Contrary,
    Fact,
    Form,
    Frame,
    Option,
    Question,
    ReportHint,
    Sheet,
    Verdict,
)
from domain.language import Lexicon
from domain.policy import Policy
from domain.words import About, Role
from storage.policy_files import POLICY_FOLDER
from storage.yaml_files import PolicyFileError, checked, entries_of, line_at, read_yaml

CATALOGUE = "catalogue"
FACTS_FILE, LEXICON_FILE, ALARMS_FILE = "facts.yaml", "lexicon.yaml", "alarms.yaml"
MORE_ASKS = "asks"
_NO_TOPICS = frozenset({FACTS_FILE, LEXICON_FILE, ALARMS_FILE})

_MOST_CITES, _MOST_ROLES = 5, 6
_UNTIL_AGREED = frozenset({Verdict.ASK_FIRST, Verdict.NO})
_FRAMES: Mapping[Frame, frozenset[str]] = {
    Frame.ACTOR: frozenset({"staff", "pupil", "parent", "technician", "governor", "visitor"}),
    Frame.WHOM: frozenset({"pupil", "former_pupil", "parent", "family", "colleague", "governor", "headteacher", "stranger"}),
    Frame.STARTS: frozenset({"staff", "pupil", "parent", "former_pupil"}),
    Frame.DEVICE: frozenset({"own", "school"}),
    Frame.ACCOUNT: frozenset({"own", "school"}),
}


def _word(value: object) -> object:
    # YAML reads yes and no without quotes as true and false.
    return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value


_Word = Annotated[str, BeforeValidator(_word, json_schema_input_type=str), StringConstraints(min_length=1, max_length=60)]
_Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
_Say = Annotated[str, StringConstraints(min_length=3, max_length=400, strip_whitespace=True)]
_Ask = Annotated[str, StringConstraints(min_length=1, max_length=600, strip_whitespace=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Option(_Strict):
    value: _Word
    label: _Word
    says: tuple[_Word, ...] = ()


class _Fact(_Strict):
    id: _Slug
    ask: _Ask
    options: tuple[_Option, ...]


class _Facts(_Strict):
    facts: tuple[_Fact, ...]


class _Question(_Strict):
    id: _Slug
    title: Annotated[str, StringConstraints(min_length=3, max_length=75)]
    frame: dict[Frame, str] = {}
    facts: tuple[_Slug, ...] = ()
    near: tuple[_Slug, ...] = ()
    asks: tuple[_Ask, ...]


class _Topic(_Strict):
    topic: _Slug
    title: Annotated[str, StringConstraints(min_length=3, max_length=60)]
    facts: tuple[_Fact, ...] = ()
    questions: tuple[_Question, ...]


class _Report(_Strict):
    concern: _Slug
    about: About | None = None


def _one_or_more(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


_Values = Annotated[tuple[_Word, ...], BeforeValidator(_one_or_more, json_schema_input_type=_Word | tuple[_Word, ...])]
_Slugs = Annotated[tuple[_Slug, ...], BeforeValidator(_one_or_more, json_schema_input_type=_Slug | tuple[_Slug, ...])]
OneVerdict = Annotated[Verdict, BeforeValidator(_word, json_schema_input_type=Verdict)]


class _Contrary(_Strict):
    verdict: OneVerdict
    say: _Say
    cites: tuple[str, ...]

    def to_domain(self) -> Contrary:
        return Contrary(self.verdict, self.say, self.cites)


class _ByForm(_Strict):
    """The verdict in other words, where the question is put in another form than the rule."""

    asked_may: OneVerdict | None = None
    asked_must: OneVerdict | None = None
    asked_what: OneVerdict | None = None
    asked_is: OneVerdict | None = None

    @model_validator(mode="after")
    def _confirms_nothing(self) -> Self:
        if self.asked_is is Verdict.YES:
            raise ValueError(
                "asked_is: a yes to whether something is so would stand for its contrary too; leave it out, or say info"
            )
        return self

    def by_form(self) -> dict[Form, Verdict]:
        """What was given, by form."""
        asked = {
            Form.MAY: self.asked_may,
            Form.MUST: self.asked_must,
            Form.WHAT: self.asked_what,
            Form.IS: self.asked_is,
        }
        return {form: verdict for form, verdict in asked.items() if verdict is not None}


class _Case(_ByForm):
    verdict: OneVerdict
    say: _Say
    cites: tuple[str, ...]
    roles: tuple[Role, ...] = ()
    when: dict[_Slug, _Values] = {}
    report: _Report | None = None
    but: _Contrary | None = None
    once_agreed: _Say | None = None
    """What holds once whoever must be asked has agreed; only where that makes a plain yes."""
    all_agree: bool = False
    """Each of `roles` has to agree, not only one of them."""

    def to_domain(self) -> Case:
        return Case(
            self.verdict,
            self.say,
            self.cites,
            self.roles,
            {fact: frozenset(values) for fact, values in self.when.items()},
            ReportHint(self.report.concern, self.report.about) if self.report is not None else None,
            self.but.to_domain() if self.but is not None else None,
            self.by_form(),
            self.once_agreed or "",
            self.all_agree,
        )


class _Answer(_Strict):
    to: _Slug
    cases: tuple[_Case, ...]
    depends: str = ""
    meanwhile: OneVerdict = Verdict.DEPENDS
    assume: dict[_Slug, _Word] = {}
    since: date | None = None


class _Answers(RootModel[tuple[_Answer, ...]]):
    """A file of answers, which may be those to the questions of one topic."""


class _Code(_Strict):
    """What a mark in a table means: one case, or one for each value of a fact."""

    verdict: OneVerdict | None = None
    say: str = ""
    fact: _Slug | None = None
    depends: str = ""
    meanwhile: OneVerdict = Verdict.DEPENDS
    cases: dict[_Word, "_Code"] = {}


class _Row(_ByForm):
    to: _Slugs
    thing: str = ""
    who: str = ""
    code: str = ""
    cells: dict[str, str] = {}
    say: str = ""
    verdict: OneVerdict = Verdict.INFO
    cites: tuple[str, ...]
    roles: tuple[Role, ...] = ()
    report: _Report | None = None
    but: _Contrary | None = None


class _Table(_Strict):
    topic: _Slug
    columns: tuple[str, ...] | dict[str, str] = ()
    codes: dict[str, _Code] = {}
    say: str = ""
    rows: tuple[_Row, ...]


def load_catalogue(folder: Path = POLICY_FOLDER) -> Catalogue:
    """The catalogue of questions, checked.

    Raises:
        PolicyFileError: a file is wrong; the message names file and line.
    """
    home = folder / CATALOGUE
    facts: dict[str, Fact] = {}
    questions: dict[str, Question] = {}
    topics: dict[str, str] = {}
    faults: list[str] = []
    raw = read_yaml(home / FACTS_FILE)
    faults += _take_facts(home / FACTS_FILE, raw, checked(home / FACTS_FILE, raw, _Facts).facts, facts)
    asked: dict[str, str] = {}
    for path in sorted(p for p in home.glob("*.yaml") if p.name not in _NO_TOPICS):
        raw = read_yaml(path)
        topic = checked(path, raw, _Topic)
        topics[topic.topic] = topic.title
        more = _more_asks(home / MORE_ASKS / path.name)
        faults += _take_facts(path, raw, topic.facts, facts)
        for place, q in zip(raw["questions"], topic.questions, strict=True):
            here = f"{path}:{line_at(place)}: {q.id}"
            if q.id in questions:
                faults.append(f"{here}: there are two questions of that name")
            for frame, value in q.frame.items():
                if value not in _FRAMES[frame]:
                    faults.append(f"{here}: {frame} is one of {', '.join(sorted(_FRAMES[frame]))}, not {value}")
            asks = (*q.asks, *more.pop(q.id, ()))
            for ask in asks:
                if (other := asked.setdefault(ask.casefold(), q.id)) != q.id:
                    faults.append(f"{here}: asks {ask!r}, and so does {other}")
            questions[q.id] = Question(q.id, topic.topic, q.title, q.frame, q.facts, q.near, asks)
        faults += [f"{home / MORE_ASKS / path.name}: {unknown}, which is no question of that topic" for unknown in more]
    for known in questions.values():
        here = f"{home / known.topic}.yaml: {known.id}"
        faults += [f"{here}: there is no fact {f}" for f in known.facts if f not in facts]
        faults += [f"{here}: near {n}, which is no question" for n in known.near if n not in questions]
    if faults:
        raise PolicyFileError("\n".join(faults))
    return Catalogue(questions, facts, topics)


class _MoreAsks(RootModel[dict[_Slug, tuple[_Ask, ...]]]):
    """More ways of asking, by question: written by somebody else than the question, so that they do not think alike."""


def _more_asks(path: Path) -> dict[str, tuple[str, ...]]:
    return dict(checked(path, read_yaml(path), _MoreAsks).root) if path.exists() else {}


def load_sheet(policy: Policy, catalogue: Catalogue, folder: Path | None = None) -> Sheet:
    """A school's answers, its tables among them, checked against the catalogue and the policy.

    They are in the folder of the policy; with `folder`, in the one of that name there.

    Raises:
        PolicyFileError: files are wrong; the message names file and line of each fault.
    """
    home = home_of(policy, folder)
    answers: dict[str, list[Answer]] = {}
    faults: list[str] = []
    for path, line, answer in (*_written(home, faults), *_from_tables(home, faults)):
        here = f"{path}:{line}: {answer.to}"
        others = answers.setdefault(answer.to, [])
        if any(a.since == answer.since for a in others):
            faults.append(f"{here}: it is answered twice" + (f" from {answer.since}" if answer.since else ""))
        faults += [f"{here}: {fault}" for fault in _wrong_with(answer, policy, catalogue)]
        others.append(answer)
    if faults:
        raise PolicyFileError("\n".join(faults))
    return Sheet({to: tuple(sorted(dated, key=lambda a: a.since or date.min)) for to, dated in answers.items()})


def home_of(policy: Policy, folder: Path | None = None) -> Path:
    """The folder in which a school's answers are."""
    return folder / policy.id if folder is not None else Path(policy.home or POLICY_FOLDER / policy.id)


class _Lexicon(_Strict):
    words: dict[str, str] = {}
    phrases: dict[str, str] = {}
    concepts: dict[str, tuple[str, ...]] = {}
    frames: dict[Frame, dict[str, tuple[str, ...]]] = {}
    fillers: tuple[str, ...] = ()


def load_lexicon(folder: Path = POLICY_FOLDER) -> Lexicon:
    """The lexicon of school English.

    Raises:
        PolicyFileError: a file is wrong.
    """
    path = folder / CATALOGUE / LEXICON_FILE
    found = checked(path, read_yaml(path), _Lexicon)
    frames = {str(frame): values for frame, values in found.frames.items()}
    return Lexicon(found.words, found.phrases, found.concepts, frames, found.fillers)


def _written(home: Path, faults: list[str]) -> Iterator[tuple[Path, int, Answer]]:
    for path in sorted((home / "answers").glob("*.yaml")):
        for place in entries_of(path, "answers", faults):
            try:
                a = checked(path, place, _Answer)
            except PolicyFileError as wrong:
                faults.append(str(wrong))
                continue
            yield (
                path,
                line_at(place),
                Answer(a.to, tuple(c.to_domain() for c in a.cases), a.depends, a.assume, a.since, a.meanwhile),
            )


def _from_tables(home: Path, faults: list[str]) -> Iterator[tuple[Path, int, Answer]]:
    for path in sorted((home / "tables").glob("*.yaml")):
        try:
            raw = read_yaml(path)
            table = checked(path, raw, _Table)
        except PolicyFileError as wrong:
            faults.append(str(wrong))
            continue
        for place, row in zip(raw["rows"], table.rows, strict=True):
            for to in row.to:
                try:
                    answer = _row_answer(table, row, to)
                except KeyError as missing:
                    faults.append(f"{path}:{line_at(place)}: {to}: there is no {missing}")
                except (IndexError, ValueError):
                    faults.append(f"{path}:{line_at(place)}: {to}: what stands in braces must be one word, as in {{thing}}")
                else:
                    yield path, line_at(place), answer


def _row_answer(table: _Table, row: _Row, to: str) -> Answer:
    words = {"thing": row.thing, "who": row.who, **row.cells}
    report = ReportHint(row.report.concern, row.report.about) if row.report is not None else None

    def case(verdict: Verdict, say: str, when: Mapping[str, frozenset[str]]) -> Case:
        text = say.format(**words)
        return Case(
            verdict,
            text[:1].upper() + text[1:],
            row.cites,
            row.roles,
            when,
            report,
            row.but.to_domain() if row.but is not None else None,
            row.by_form(),
        )

    if not row.code:
        return Answer(to, (case(row.verdict, row.say or table.say, {}),))
    code = table.codes[row.code]
    if code.fact is None:
        return Answer(to, (case(code.verdict or row.verdict, code.say, {}),))
    cases = tuple(case(c.verdict or row.verdict, c.say, {code.fact: frozenset({value})}) for value, c in code.cases.items())
    depends = code.depends.format(**words)
    return Answer(to, cases, depends[:1].upper() + depends[1:], meanwhile=code.meanwhile)


def _wrong_with(answer: Answer, policy: Policy, catalogue: Catalogue) -> Iterator[str]:
    question = catalogue.questions.get(answer.to)
    if question is None:
        yield "the catalogue has no such question"
        return
    for case in answer.cases:
        for clause in (*case.cites, *(case.but.cites if case.but is not None else ())):
            try:
                policy.cite(clause)
            except KeyError:
                yield f"cites {clause}, which the policy does not have"
        if case.but is not None and STRICTNESS[case.but.verdict] > STRICTNESS[case.verdict]:
            yield f"`but` is {case.but.verdict}, which is stricter than {case.verdict}: the stricter leads"
        if not case.cites or len(case.cites) > _MOST_CITES:
            yield f"each case cites between 1 and {_MOST_CITES} clauses, the best first"
        if len(case.roles) > _MOST_ROLES:
            yield f"names more than {_MOST_ROLES} roles"
        if case.verdict is Verdict.DEPENDS:
            yield "depends is not written: it comes about when a fact is missing"
        if case.once_agreed and (case.verdict not in _UNTIL_AGREED or case.but is not None or PERMISSION in case.when):
            yield "`once_agreed` stands with a case that is ask_first or no, and has no `but` and no permission among its facts"
        if case.all_agree and (not case.once_agreed or len(case.roles) <= 1):
            yield "`all_agree` stands with `once_agreed` and more than one of `roles`"
        if case.report is not None and case.report.concern not in policy.concerns:
            yield f"{case.report.concern} is not a concern of this policy"
    yield from _wrong_cases(answer, question, catalogue)


def _wrong_cases(answer: Answer, question: Question, catalogue: Catalogue) -> Iterator[str]:
    used = list(dict.fromkeys(f for case in answer.cases for f in case.when))
    for fact in (*used, *answer.assume):
        if fact not in question.facts:
            yield f"turns on {fact}, which the question never asks: add it to the question's facts"
            return
    for case in answer.cases:
        for fact, values in case.when.items():
            if unknown := values - {o.value for o in catalogue.facts[fact].options}:
                yield f"{fact} is never {', '.join(sorted(unknown))}"
                return
    if sum(not c.when for c in answer.cases) > 1 or (len(answer.cases) > 1 and any(not c.when for c in answer.cases[:-1])):
        yield "one case at most goes without `when`, and it is the last"
    reached: set[int] = set()
    for combination in product(*([o.value for o in catalogue.facts[f].options] for f in used)):
        facts = dict(zip(used, combination, strict=True))
        fits = [n for n, c in enumerate(answer.cases) if c.when and all(facts[f] in v for f, v in c.when.items())]
        if len(fits) > 1:
            yield f"two cases hold where {_said(facts)}"
            return
        if not fits and answer.cases[-1].when:
            yield f"no case holds where {_said(facts)}"
            return
        reached.add(fits[0] if fits else len(answer.cases) - 1)
    if len(reached) < len(answer.cases):
        yield "a case is never reached"


def _said(facts: Mapping[str, str]) -> str:
    return ", ".join(f"{f} is {v}" for f, v in facts.items()) or "nothing is known"


def _take_facts(path: Path, raw: Any, found: Iterable[_Fact], facts: dict[str, Fact]) -> Iterator[str]:
    for place, f in zip(raw.get("facts") or (), found, strict=True):
        if f.id in facts:
            yield f"{path}:{line_at(place)}: there are two facts called {f.id}"
        if len(f.options) < 2:
            yield f"{path}:{line_at(place)}: {f.id}: a fact has two options or more"
        facts[f.id] = Fact(f.id, f.ask, tuple(Option(o.value, o.label, o.says) for o in f.options))


DOORS: Mapping[str, type[BaseModel]] = {"answers": _Answers, "table": _Table, "catalogue": _Topic}
"""The forms of the files read here, by what they are called in `esafety pack schema`."""
