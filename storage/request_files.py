"""Reads what staff may ask for and declare: what all schools share, and a policy's own. What is wrong is refused, by line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.answers import PERMISSION, Catalogue, Sheet, Verdict
from domain.breaches import BreachKind
from domain.policy import Policy
from domain.request_types import (
    AnswerStep,
    Item,
    ItemType,
    LogsFilter,
    OpensBreach,
    RequestTask,
    RequestType,
    StepAct,
    TaskWhen,
    Term,
)
from domain.words import EXTERNAL_ROLES, Role
from storage.yaml_files import PolicyFileError, checked, line_of, read_yaml

REQUESTS_FILE = "requests.yaml"

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
_TaskId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=24)]
_Label = Annotated[str, StringConstraints(min_length=2, max_length=75, strip_whitespace=True)]
_Hint = Annotated[str, StringConstraints(min_length=3, max_length=150, strip_whitespace=True)]
_About = Annotated[str, StringConstraints(min_length=3, max_length=300, strip_whitespace=True)]
_Days = Annotated[int, Field(ge=1, le=60)]
_Roles = Annotated[tuple[Role, ...], Field(min_length=1)]
_MOST_ITEMS, _MOST_TASKS, _MOST_STEPS = 9, 6, 4


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _inside(roles: tuple[Role, ...] | frozenset[Role], what: str) -> None:
    if wrong := sorted(r.value for r in roles if r in EXTERNAL_ROLES):
        raise ValueError(f"{', '.join(wrong)} is outside the school, and cannot {what} in the chat")


class _Item(_Strict):
    id: _Id
    type: ItemType
    label: _Label
    hint: _Hint | None = None
    required: bool = True
    options: Annotated[dict[_Id, _Label], Field(min_length=2, max_length=20)] | None = None
    takes_part: bool = False

    @model_validator(mode="after")
    def _options_where_chosen(self) -> "_Item":
        if (self.type is ItemType.CHOICE) is (self.options is None):
            raise ValueError("`options` belong to a choice, and to nothing else")
        if self.takes_part and self.type is not ItemType.STAFF:
            raise ValueError("only a member of staff takes part: `takes_part` belongs to `type: staff`")
        return self

    def to_domain(self) -> Item:
        return Item(self.id, self.type, self.label, self.hint or "", self.required, self.options, self.takes_part)


class _Step(_Strict):
    does: StepAct = StepAct.DECIDE
    who: _Roles
    within: _Days = 3
    then: tuple[Role, ...] = ()

    @model_validator(mode="after")
    def _inside_the_school(self) -> "_Step":
        _inside((*self.who, *self.then), "answer")
        return self

    def to_domain(self) -> AnswerStep:
        return AnswerStep(self.does, self.who, self.within, self.then)


class _Task(_Strict):
    id: _TaskId
    title: _Label
    who: _Roles
    when: TaskWhen = TaskWhen.GRANTED
    within: _Days = 1
    undoes: _TaskId | None = None

    @model_validator(mode="after")
    def _inside_the_school(self) -> "_Task":
        _inside(self.who, "do it")
        if self.undoes is not None and self.when is not TaskWhen.ENDED:
            raise ValueError("what undoes a task comes when it is over: say `when: ended`")
        return self

    def to_domain(self) -> RequestTask:
        return RequestTask(self.id, self.title, self.who, self.when, self.within, self.undoes or "")


class _Holds(_Strict):
    until: _Id | None = None
    months: Annotated[int, Field(ge=1, le=120)] | None = None
    warn: Annotated[int, Field(ge=1, le=90)] | None = None

    @model_validator(mode="after")
    def _one_end(self) -> "_Holds":
        if self.until is not None and self.months is not None:
            raise ValueError("it holds until what a field says, or for so many months: one of the two")
        if self.warn is not None and self.until is None and self.months is None:
            raise ValueError("it has no end of which somebody could be told before: leave `warn` out")
        return self

    def to_domain(self) -> Term:
        return Term(self.until or "", self.months or 0, self.warn or 0)


class _Breach(_Strict):
    found: _Id
    kind: _Id
    caused: _Id | None = None

    def to_domain(self) -> OpensBreach:
        return OpensBreach(self.found, self.kind, self.caused or "")


class _Filter(_Strict):
    change: Literal["blocked", "unblocked", "exception", "settings"]
    what: _Id
    why: _Id
    done: _TaskId
    closed: _TaskId | None = None

    def to_domain(self) -> LogsFilter:
        return LogsFilter(self.change, self.what, self.why, self.done, self.closed or "")


class _Type(_Strict):
    id: _Id
    group: _Id
    title: _Label
    about: _About
    asks: frozenset[Role] = frozenset()
    form: Annotated[tuple[_Item, ...], Field(min_length=1, max_length=_MOST_ITEMS)]
    answers: Annotated[tuple[_Step, ...], Field(max_length=_MOST_STEPS)] = ()
    tasks: Annotated[tuple[_Task, ...], Field(max_length=_MOST_TASKS)] = ()
    tells: tuple[Role, ...] = ()
    reads: frozenset[Role] = frozenset()
    holds: _Holds | None = None
    since: _Id | None = None
    questions: tuple[str, ...] = ()
    breach: _Breach | None = None
    filter: _Filter | None = None

    @model_validator(mode="after")
    def _somebody_hears_of_it(self) -> "_Type":
        _inside((*self.tells, *self.reads, *self.asks), "have a part in it")
        handed_over = any(task.when is TaskWhen.GRANTED for task in self.tasks)
        if not self.answers and not self.tells and not handed_over:
            raise ValueError("nobody answers it, does it or is told: name roles under `answers`, `tasks` or `tells`")
        if self.answers and self.answers[-1].does is not StepAct.DECIDE:
            raise ValueError("the last step must decide: nobody would say yes or no")
        return self

    def to_domain(self) -> RequestType:
        return RequestType(
            id=self.id,
            group=self.group,
            title=self.title,
            about=self.about,
            items=tuple(i.to_domain() for i in self.form),
            asks=self.asks,
            steps=tuple(s.to_domain() for s in self.answers),
            tasks=tuple(t.to_domain() for t in self.tasks),
            tells=self.tells,
            reads=self.reads,
            term=self.holds.to_domain() if self.holds is not None else Term(),
            since=self.since or "",
            questions=self.questions,
            breach=self.breach.to_domain() if self.breach is not None else None,
            filter=self.filter.to_domain() if self.filter is not None else None,
        )


class _OwnType(_Type):
    cites: Annotated[tuple[str, ...], Field(min_length=1)]

    def to_domain(self) -> RequestType:
        return replace(super().to_domain(), cites=self.cites)


class _Used(_Strict):
    """A type that all schools share, with what is otherwise at this one."""

    use: _Id
    cites: Annotated[tuple[str, ...], Field(min_length=1)]
    title: _Label | None = None
    about: _About | None = None
    asks: frozenset[Role] | None = None
    answers: Annotated[tuple[_Step, ...], Field(max_length=_MOST_STEPS)] | None = None
    tasks: Annotated[tuple[_Task, ...], Field(max_length=_MOST_TASKS)] | None = None
    tells: tuple[Role, ...] | None = None
    reads: frozenset[Role] | None = None
    holds: _Holds | None = None
    questions: tuple[str, ...] | None = None
    filter: _Filter | None = None


class _Shared(_Strict):
    groups: dict[_Id, _Label]
    types: tuple[_Type, ...]


class _Requests(_Strict):
    groups: dict[_Id, _Label] = {}
    requests: tuple[_Used, ...] = ()
    own: tuple[_OwnType, ...] = ()


def wrong_questions(home: Path, types: Path, sheet: Sheet, catalogue: Catalogue) -> Iterator[str]:
    """What is wrong with the questions that requests answer, a line for each. Both files have been read before without a fault.

    Such a question must be one of the catalogue, and none to which the policy says a plain no: "you have leave" beside that
    would be wrong.
    """
    path, shared = home / REQUESTS_FILE, types / REQUESTS_FILE
    if not path.exists():
        return
    common, raw = read_yaml(shared), read_yaml(path)
    of_all = {kind["id"]: kind.get("questions") or () for kind in common["types"]}
    for n, (name, questions) in enumerate(of_all.items()):
        yield from _unknown(name, questions, catalogue, f"{shared}:{line_of(common, ('types', n, 'questions'))}")
    for key in ("requests", "own"):
        for n, kind in enumerate(raw.get(key) or ()):
            here = f"{path}:{line_of(raw, (key, n, 'questions'))}"
            name, own = kind.get("use") or kind["id"], kind.get("questions")
            yield from _unknown(name, own or (), catalogue, here)
            for question in of_all.get(name, ()) if own is None else own:
                if _plainly_no(sheet, question):
                    yield f"{here}: {name!r} is no answer to {question!r}: the policy says a plain no, whoever agrees"


def _unknown(name: str, questions: Iterable[str], catalogue: Catalogue, here: str) -> Iterator[str]:
    for question in questions:
        if question not in catalogue.questions:
            near = ", ".join(get_close_matches(question, catalogue.questions)) or "see the files in catalogue/"
            yield f"{here}: {name!r} answers {question!r}, which is no question of the catalogue: {near}"


def _plainly_no(sheet: Sheet, question: str) -> bool:
    """Whether it is a no in every case and by every clause, and nobody may agree to it."""
    cases = [case for answer in sheet.answers.get(question, ()) for case in answer.cases]
    if not cases or any(case.verdict is not Verdict.NO or case.once_agreed or PERMISSION in case.when for case in cases):
        return False
    besides = {v for c in cases for v in (*c.asked.values(), *((c.but.verdict,) if c.but is not None else ()))}
    return not besides & {Verdict.ASK_FIRST, Verdict.YES, Verdict.DEPENDS}


def with_requests(policy: Policy, home: Path, shared: Path) -> Policy:
    """The policy with what its staff may ask for and declare; nothing where its folder does not say.

    Raises:
        PolicyFileError: a type is wrong.
    """
    path = home / REQUESTS_FILE
    if not path.exists():
        return policy
    raw = read_yaml(path)
    asked, known = checked(path, raw, _Requests), _shared(shared)
    groups, found, faults = {**known.groups, **asked.groups}, dict[str, RequestType](), list[str]()
    placed: list[tuple[tuple[str, int], RequestType]] = []
    by_id = {kind.id: kind for kind in known.types}
    for n, used in enumerate(asked.requests):
        if used.use not in by_id:
            faults.append(
                f"{path}:{line_of(raw, ('requests', n))}: there is no shared type {used.use!r}: {', '.join(sorted(by_id))}"
            )
            continue
        changes = {k: v for k, v in dict(used).items() if v is not None and k not in {"use", "cites"}}
        try:
            # Checked once more as a whole: what a school changes must still go together.
            whole = _Type.model_validate({**dict(by_id[used.use]), **changes})
        except ValueError as wrong:
            faults.append(f"{path}:{line_of(raw, ('requests', n))}: {_said(wrong)}")
            continue
        placed.append((("requests", n), replace(whole.to_domain(), cites=used.cites)))
    placed += [(("own", n), kind.to_domain()) for n, kind in enumerate(asked.own)]
    for place, kind in placed:
        words = [*_wrong(kind, groups), *([f"two requests are called {kind.id!r}"] if kind.id in found else [])]
        faults += [f"{path}:{line_of(raw, place)}: {word}" for word in words]
        faults += [f"{path}:{line_of(raw, (*place, 'cites'))}: {word}" for word in _wrong_clauses(kind, policy)]
        found[kind.id] = kind
    if faults:
        raise PolicyFileError("\n".join(faults))
    used_groups = {kind.group for kind in found.values()}
    return replace(policy, requests=found, request_groups={g: title for g, title in groups.items() if g in used_groups})


@cache
def _shared(folder: Path) -> _Shared:
    path = folder / REQUESTS_FILE
    raw = read_yaml(path)
    shared = checked(path, raw, _Shared)
    faults = [
        f"{path}:{line_of(raw, ('types', n))}: {word}"
        for n, kind in enumerate(shared.types)
        for word in _wrong(kind.to_domain(), shared.groups)
    ]
    ids = [kind.id for kind in shared.types]
    faults += [f"{path}:1: two types are called {i!r}" for i in sorted({i for i in ids if ids.count(i) > 1})]
    if faults:
        raise PolicyFileError("\n".join(faults))
    return shared


def _said(wrong: ValueError) -> str:
    errors: Any = getattr(wrong, "errors", None)
    return "; ".join(e["msg"].removeprefix("Value error, ") for e in errors()) if callable(errors) else str(wrong)


def _wrong(kind: RequestType, groups: Mapping[str, str]) -> Iterator[str]:
    """What does not go together in a type."""
    if kind.group not in groups:
        yield f"{kind.id!r} stands under {kind.group!r}, which is no group: {', '.join(sorted(groups))}"
    items = [i.id for i in kind.items]
    yield from (f"{kind.id!r} asks {i!r} twice" for i in sorted({i for i in items if items.count(i) > 1}))
    for word, field in (("holds until", kind.term.field), ("begins at", kind.since)):
        item = kind.item(field) if field else None
        if field and (item is None or item.type is not ItemType.MOMENT):
            yield f"{kind.id!r} {word} {field!r}, which is no moment that its form asks for"
    tasks = [t.id for t in kind.tasks]
    yield from (f"{kind.id!r} has two tasks called {t!r}" for t in sorted({t for t in tasks if tasks.count(t) > 1}))
    for task in kind.tasks:
        undone = kind.task(task.undoes) if task.undoes else None
        if task.undoes and (undone is None or undone.when is not TaskWhen.GRANTED):
            yield f"the task {task.id!r} undoes {task.undoes!r}, which is no task that comes with the yes"
    yield from _wrong_leads(kind)
    acts = [step.act for step in kind.steps]
    if StepAct.DECIDE in acts and StepAct.ADVISE in acts[acts.index(StepAct.DECIDE) :]:
        yield f"{kind.id!r} takes advice after somebody has decided: put the advice first"


def _wrong_leads(kind: RequestType) -> Iterator[str]:
    """What does not go together where one opens a breach, or stands in the filter's register."""
    if (breach := kind.breach) is not None:
        found, how, caused = kind.item(breach.found), kind.item(breach.kind), kind.item(breach.caused)
        if found is None or found.type is not ItemType.MOMENT or not found.required:
            yield f"{kind.id!r} opens a breach found at {breach.found!r}, which is no moment that everybody is asked for"
        known = {k.value.replace("_", "-") for k in BreachKind}
        if how is None or not how.required or not how.options or not how.options.keys() <= known:
            yield f"{kind.id!r} opens a breach of the kind {breach.kind!r}, which is no choice among {', '.join(sorted(known))}"
        if breach.caused and (caused is None or caused.type is not ItemType.STAFF or caused.takes_part):
            yield f"{kind.id!r} opens a breach caused by {breach.caused!r}, which names nobody whom it is about"
        # Whoever is named when it is worded anew would deal with a breach that began without their name.
        if kind.steps:
            yield f"{kind.id!r} opens a breach and waits for an answer: it begins when it is sent, so leave `answers` out"
        # Kept out of the request, they would deal with a breach that has all of its words.
        for named in kind.items:
            if named.type is ItemType.STAFF and not named.takes_part and named.id != breach.caused:
                yield f"{kind.id!r} opens a breach and asks for {named.id!r}, who would read it there: say `caused`"
    if (line := kind.filter) is not None:
        for field, wanted in ((line.what, ItemType.LINE), (line.why, ItemType.TEXT)):
            item = kind.item(field)
            if item is None or item.type is not wanted or not item.required:
                yield f"{kind.id!r} logs a change with {field!r}, which is no {wanted} that everybody is asked for"
        done, closed = kind.task(line.done), kind.task(line.closed)
        if done is None or done.when is not TaskWhen.GRANTED:
            yield f"{kind.id!r} logs a change with {line.done!r}, which is no task that comes with the yes"
        if line.closed and (closed is None or closed.undoes != line.done):
            yield f"{kind.id!r} closes its line with {line.closed!r}, which does not undo {line.done!r}"


def _wrong_clauses(kind: RequestType, policy: Policy) -> Iterator[str]:
    for clause in kind.cites:
        try:
            policy.cite(clause)
        except KeyError:
            yield f"{kind.id!r} cites {clause!r}, which the policy does not have"


DOORS: Mapping[str, type[BaseModel]] = {"requests": _Requests, "request_types": _Shared}
"""The forms of the files read here, by what they are called in `esafety pack schema`."""
