"""Whom a school can turn to outside: what every school has, and the numbers that it must give itself."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from domain.words import About, Role


@dataclass(frozen=True, slots=True)
class Agency:
    """A service outside the school, and for which concerns it is offered (empty: all), about whom (empty: anybody).

    `local`: its number is the school's own to give. `role`: the one that policies know it by, and have a title for.
    """

    id: str
    name: str
    use: str
    local: bool
    phone: str = ""
    url: str = ""
    role: Role | None = None
    concerns: frozenset[str] = frozenset()
    about: frozenset[About] = frozenset()

    def serves(self, concern: str, about: About) -> bool:
        """Whether it is offered for such a report."""
        return (not self.concerns or concern in self.concerns) and (not self.about or about in self.about)


@dataclass(frozen=True, slots=True)
class Contact:
    """How a school reaches an agency near it."""

    phone: str = ""
    email: str = ""
    url: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """An agency with the way to it; None where the school has not filled it in."""

    agency: Agency
    contact: Contact | None


def offered(
    agencies: Iterable[Agency], contacts: Mapping[str, Contact], concern: str, about: About, named: Iterable[Role] = ()
) -> tuple[Offered, ...]:
    """The agencies for a case, in the order of the directory: those that serve such a report, and any that its route names."""
    wanted = frozenset(named)
    return tuple(Offered(a, _way(a, contacts)) for a in agencies if a.serves(concern, about) or a.role in wanted)


def unfilled(agencies: Iterable[Agency], contacts: Mapping[str, Contact]) -> Iterator[Agency]:
    """Those whose number the school has still to give."""
    return (a for a in agencies if _way(a, contacts) is None)


def _way(agency: Agency, contacts: Mapping[str, Contact]) -> Contact | None:
    return contacts.get(agency.id) if agency.local else Contact(agency.phone, url=agency.url)
