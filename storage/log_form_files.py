"""Reads the form on which a policy has incidents written down. What is wrong is refused, with file and line named."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.log_forms import NEEDED, LogField, LogForm, Shows
from domain.policy import Policy
from domain.words import EXTERNAL_ROLES, ParticipantRole, Role
from storage.yaml_files import PolicyFileError, checked, line_of, read_yaml

LOG_FORM_FILE = "log_form.yaml"

_Label = Annotated[str, StringConstraints(min_length=2, max_length=75, strip_whitespace=True)]
_Hint = Annotated[str, StringConstraints(min_length=3, max_length=150, strip_whitespace=True)]
_Sentence = Annotated[str, StringConstraints(min_length=3, max_length=300, strip_whitespace=True)]
_Cites = Annotated[tuple[str, ...], Field(min_length=1)]
_Place = tuple[int | str, ...]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Field(_Strict):
    label: _Label
    hint: _Hint | None = None
    shows: Annotated[tuple[Shows, ...], Field(min_length=1)] | None = None
    sign: Role | None = None
    cites: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_thing(self) -> "_Field":
        if (self.shows is None) is (self.sign is None):
            raise ValueError("a field shows something of the case, or has a signature: one of the two")
        if self.sign in EXTERNAL_ROLES:
            raise ValueError(f"{self.sign} is outside the school, and signs nothing here")
        return self

    def to_domain(self) -> LogField:
        return LogField(self.label, self.hint or "", self.shows or (), self.sign, self.cites)


class _Note(_Strict):
    say: _Sentence
    cites: tuple[str, ...] = ()


class _LogForm(_Strict):
    heading: _Label
    cites: tuple[str, ...] = ()
    note: _Note | None = None
    parts: dict[ParticipantRole, _Label] = {}
    rows: Annotated[tuple[Annotated[tuple[_Field, ...], Field(min_length=1, max_length=3)], ...], Field(min_length=1)]

    def to_domain(self) -> LogForm:
        rows = tuple(tuple(field.to_domain() for field in row) for row in self.rows)
        said = (self.note.say, self.note.cites) if self.note is not None else ("", ())
        return LogForm(self.heading, rows, self.cites, *said, self.parts)


def with_log_form(policy: Policy, home: Path, shared: Path) -> Policy:
    """The policy with the form in its folder; where it has none, with the plain one that all schools share.

    Raises:
        PolicyFileError: the form is wrong.
    """
    path = home / LOG_FORM_FILE
    if not path.exists():
        return replace(policy, log_form=_plain(shared))
    form, raw = _read(path)
    faults = [*_wrong(form), *_wrong_clauses(form, policy)]
    if faults:
        raise PolicyFileError("\n".join(f"{path}:{line_of(raw, place)}: {words}" for place, words in faults))
    return replace(policy, log_form=form)


@cache
def _plain(shared: Path) -> LogForm:
    path = shared / LOG_FORM_FILE
    form, raw = _read(path)
    faults = [*_wrong(form), *((("cites",), "it cites a clause: it is of no policy") for _ in form.all_cites[:1])]
    if faults:
        raise PolicyFileError("\n".join(f"{path}:{line_of(raw, place)}: {words}" for place, words in faults))
    return form


def _read(path: Path) -> tuple[LogForm, object]:
    raw = read_yaml(path)
    return checked(path, raw, _LogForm).to_domain(), raw


def _wrong(form: LogForm) -> Iterator[tuple[_Place, str]]:
    if missing := sorted(NEEDED - form.shown):
        yield ("rows",), f"an entry needs {', '.join(missing)}: give each a field"
    seen: set[Shows | Role] = set()
    for place, field in _placed(form):
        held: tuple[Shows | Role, ...] = field.shows if field.sign is None else (field.sign,)
        for what in held:
            if what in seen:
                yield place, f"{what.value} has a field before this one"
            seen.add(what)


def _wrong_clauses(form: LogForm, policy: Policy) -> Iterator[tuple[_Place, str]]:
    cited: list[tuple[_Place, Iterable[str]]] = [(("cites",), form.cites), (("note",), form.note_cites)]
    cited += [(place, field.cites) for place, field in _placed(form)]
    for place, clauses in cited:
        for clause in clauses:
            try:
                policy.cite(clause)
            except KeyError:
                yield place, f"it cites {clause!r}, which the policy does not have"


def _placed(form: LogForm) -> Iterator[tuple[_Place, LogField]]:
    for row, fields in enumerate(form.rows):
        for n, field in enumerate(fields):
            yield ("rows", row, n), field


DOORS: Mapping[str, type[BaseModel]] = {"log_form": _LogForm}
"""The form of the file read here, by what it is called in `esafety pack schema`."""
