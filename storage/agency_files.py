"""Reads the directory of agencies that all schools share. What is wrong is refused, with file and line named."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from domain.agencies import Agency
from domain.words import EXTERNAL_ROLES, About, Role
from storage.yaml_files import PolicyFileError, checked, line_of, read_yaml

AGENCIES_FILE = "agencies.yaml"

Phone = Annotated[str, StringConstraints(pattern=r"^[0-9+][0-9 ()]{1,30}$", strip_whitespace=True)]
WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+\.[^\s]+$", max_length=300)]


class _Agency(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]*$", max_length=40)]
    name: Annotated[str, StringConstraints(min_length=2, max_length=75)]
    use: Annotated[str, StringConstraints(min_length=3, max_length=200)]
    local: bool = False
    phone: Phone | None = None
    url: WebAddress | None = None
    role: Role | None = None
    concerns: frozenset[str] = frozenset()
    about: frozenset[About] = frozenset()

    @model_validator(mode="after")
    def _reached_somehow(self) -> "_Agency":
        if self.local is bool(self.phone or self.url):
            raise ValueError("either the school gives its number (local: true), or a phone or url stands here for all")
        if self.role is not None and self.role not in EXTERNAL_ROLES:
            raise ValueError(f"{self.role.value} is inside the school")
        return self

    def to_domain(self) -> Agency:
        return Agency(
            self.id,
            self.name,
            self.use,
            self.local,
            self.phone or "",
            self.url or "",
            self.role,
            self.concerns,
            self.about,
        )


class _Agencies(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    agencies: tuple[_Agency, ...]


def load_agencies(path: Path, concerns: frozenset[str]) -> tuple[Agency, ...]:
    """The agencies of a file, in its order; `concerns` are those that there are.

    Raises:
        PolicyFileError: the file is wrong.
    """
    raw = read_yaml(path)
    found = [a.to_domain() for a in checked(path, raw, _Agencies).agencies]
    faults: list[str] = []
    for n, agency in enumerate(found):
        here = f"{path}:{line_of(raw, ('agencies', n))}: {agency.id}"
        if any(other.id == agency.id for other in found[:n]):
            faults.append(f"{here}: there are two agencies of that name")
        if unknown := sorted(agency.concerns - concerns):
            faults.append(f"{here}: concerns.yaml has no concern {', '.join(unknown)}")
    if faults:
        raise PolicyFileError("\n".join(faults))
    return tuple(found)
