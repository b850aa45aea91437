"""Reads what a policy has its staff sign: agreements, readings, training. What is wrong is refused, by line."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.agreements import Agreement, AgreementKind
from domain.policy import Policy
from domain.words import EXTERNAL_ROLES, Role
from storage.yaml_files import PolicyFileError, checked, line_of, read_yaml

AGREEMENTS_FILE = "signing.yaml"

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
_Title = Annotated[str, StringConstraints(min_length=2, max_length=55, strip_whitespace=True)]
_Version = Annotated[str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]
_About = Annotated[str, StringConstraints(min_length=3, max_length=300, strip_whitespace=True)]
_Point = Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)]
_MOST_POINTS = 40


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Agreement(_Strict):
    id: _Id
    kind: AgreementKind
    title: _Title
    version: _Version
    about: _About
    points: Annotated[tuple[_Point, ...], Field(max_length=_MOST_POINTS)] = ()
    changes: Annotated[tuple[_Point, ...], Field(max_length=_MOST_POINTS)] = ()
    who: frozenset[Role] = frozenset()
    within: Annotated[int, Field(ge=1, le=60)] = 5
    months: Annotated[int, Field(ge=1, le=120)] | None = None
    reads: Annotated[frozenset[Role], Field(min_length=1)]
    cites: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _goes_together(self) -> "_Agreement":
        if wrong := sorted(r.value for r in self.who | self.reads if r in EXTERNAL_ROLES):
            raise ValueError(f"{', '.join(wrong)} is outside the school, and has no part in it in the chat")
        if self.kind is AgreementKind.AGREEMENT and not self.points:
            raise ValueError("nobody can agree to nothing: write what it says under `points`")
        if self.months == 1:
            raise ValueError("whoever signs is asked again four weeks before the end: let it hold two months or more")
        return self

    def to_domain(self) -> Agreement:
        return Agreement(
            id=self.id,
            kind=self.kind,
            title=self.title,
            version=self.version,
            about=self.about,
            points=self.points,
            changes=self.changes,
            who=self.who,
            within=self.within,
            months=self.months or 0,
            reads=self.reads,
            cites=self.cites,
        )


class _Agreements(_Strict):
    agreements: Annotated[tuple[_Agreement, ...], Field(min_length=1)]


def with_agreements(policy: Policy, home: Path) -> Policy:
    """The policy with what its staff sign; nothing where its folder does not say.

    Raises:
        PolicyFileError: something is wrong, by line.
    """
    path = home / AGREEMENTS_FILE
    if not path.exists():
        return policy
    raw = read_yaml(path)
    found, faults = dict[str, Agreement](), list[str]()
    for n, read in enumerate(checked(path, raw, _Agreements).agreements):
        agreement = read.to_domain()
        place = f"{path}:{line_of(raw, ('agreements', n))}"
        if agreement.id in found:
            faults.append(f"{place}: two are called {agreement.id!r}")
        faults += [f"{place}: {word}" for word in _wrong_clauses(agreement, policy)]
        found[agreement.id] = agreement
    if faults:
        raise PolicyFileError("\n".join(faults))
    return replace(policy, agreements=found)


def _wrong_clauses(agreement: Agreement, policy: Policy) -> Iterator[str]:
    for clause in agreement.cites:
        try:
            policy.cite(clause)
        except KeyError:
            yield f"{agreement.id!r} cites {clause!r}, which the policy does not have"


DOORS: Mapping[str, type[BaseModel]] = {"signing": _Agreements}
"""The form of the file read here, by what it is called in `esafety pack schema`."""
