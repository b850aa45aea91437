"""Reads for what a school asks consent before a pupil is shown to others. What is wrong is refused, by line."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.answers import Catalogue
from domain.consent_terms import ConsentTerms, Needs, Use
from domain.policy import Policy
from domain.words import EXTERNAL_ROLES, Role
from storage.yaml_files import PolicyFileError, checked, line_of, read_yaml

CONSENT_FILE = "consent.yaml"

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=24)]
_Title = Annotated[str, StringConstraints(min_length=2, max_length=60, strip_whitespace=True)]
_About = Annotated[str, StringConstraints(min_length=3, max_length=200, strip_whitespace=True)]
_Cites = Annotated[tuple[str, ...], Field(min_length=1)]
_MOST_USES = 9
"""So many, each with a field of its own, still go into one form of every chat."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Use(_Strict):
    id: _Id
    title: _Title
    about: _About | None = None
    needs: Needs = Needs.PARENT

    @model_validator(mode="after")
    def _not_all(self) -> "_Use":
        if self.id == "all":
            raise ValueError("a use cannot be called `all`: that is what stands for every use")
        return self

    def to_domain(self) -> Use:
        return Use(self.id, self.title, self.about or "", self.needs)


class _OwnUse(_Use):
    cites: _Cites

    def to_domain(self) -> Use:
        return replace(super().to_domain(), cites=self.cites)


class _UsedUse(_Strict):
    """A use that all schools share, with what is otherwise at this one."""

    use: _Id
    cites: _Cites
    title: _Title | None = None
    about: _About | None = None
    needs: Needs | None = None


class _Shared(_Strict):
    uses: tuple[_Use, ...]


class _Consent(_Strict):
    cites: _Cites
    months: Annotated[int, Field(ge=1, le=120)] | None = None
    keeps: Annotated[frozenset[Role], Field(min_length=1)]
    asks: frozenset[Role] = frozenset()
    uses: tuple[_UsedUse, ...] = ()
    own: tuple[_OwnUse, ...] = ()
    questions: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> "_Consent":
        if wrong := sorted(r.value for r in (self.keeps | self.asks) & EXTERNAL_ROLES):
            raise ValueError(f"{', '.join(wrong)} is outside the school, and cannot have a part in it in the chat")
        if not 1 <= len(self.uses) + len(self.own) <= _MOST_USES:
            raise ValueError(f"name from one to {_MOST_USES} uses, under `uses` and `own` together")
        return self


def with_consent(policy: Policy, home: Path, shared: Path) -> Policy:
    """The policy with what consent is asked for; nothing where its folder does not say.

    Raises:
        PolicyFileError: the file is wrong.
    """
    path = home / CONSENT_FILE
    if not path.exists():
        return policy
    raw = read_yaml(path)
    said, common = checked(path, raw, _Consent), _shared(shared)
    faults = [f"{path}:{line_of(raw, ('cites',))}: {word}" for word in _wrong_clauses("the register", said.cites, policy)]
    placed: list[tuple[tuple[str, int], Use]] = []
    for n, used in enumerate(said.uses):
        if used.use not in common:
            known = ", ".join(sorted(common))
            faults.append(f"{path}:{line_of(raw, ('uses', n))}: there is no shared use {used.use!r}: {known}")
            continue
        changes = {k: v for k, v in dict(used).items() if v is not None and k != "use"}
        placed.append((("uses", n), replace(common[used.use], **changes)))
    placed += [(("own", n), use.to_domain()) for n, use in enumerate(said.own)]
    found: dict[str, Use] = {}
    for place, use in placed:
        if use.id in found:
            faults.append(f"{path}:{line_of(raw, place)}: two uses are called {use.id!r}")
        faults += [f"{path}:{line_of(raw, (*place, 'cites'))}: {w}" for w in _wrong_clauses(repr(use.id), use.cites, policy)]
        found[use.id] = use
    if faults:
        raise PolicyFileError("\n".join(faults))
    terms = ConsentTerms(found, said.keeps, said.asks, said.months or 0, frozenset(said.questions), said.cites)
    return replace(policy, consent=terms)


def wrong_consent_questions(home: Path, catalogue: Catalogue) -> Iterator[str]:
    """What is wrong with the questions that lead to it, a line for each. The file has been read before without a fault."""
    path = home / CONSENT_FILE
    if not path.exists():
        return
    raw = read_yaml(path)
    for n, question in enumerate(raw.get("questions") or ()):
        if question not in catalogue.questions:
            near = ", ".join(get_close_matches(question, catalogue.questions)) or "see the files in catalogue/"
            yield f"{path}:{line_of(raw, ('questions', n))}: {question!r} is no question of the catalogue: {near}"


@cache
def _shared(folder: Path) -> Mapping[str, Use]:
    path = folder / CONSENT_FILE
    shared = checked(path, read_yaml(path), _Shared)
    ids = [use.id for use in shared.uses]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise PolicyFileError(f"{path}:1: two uses are called {', '.join(twice)}")
    return {use.id: use.to_domain() for use in shared.uses}


def _wrong_clauses(what: str, cites: tuple[str, ...], policy: Policy) -> Iterator[str]:
    for clause in cites:
        try:
            policy.cite(clause)
        except KeyError:
            yield f"{what} cites {clause!r}, which the policy does not have"


DOORS: Mapping[str, type[BaseModel]] = {"consent": _Consent, "consent_uses": _Shared}
"""The forms of the files read here, by what they are called in `esafety pack schema`."""
