"""All the lists that somebody may read beside the cases, in one: how much of each is still to be looked after."""

from dataclasses import dataclass
from enum import StrEnum


class Listing(StrEnum):
    """What a list is of, in the order in which they are shown. A further one is a part of `handlers.overview` too."""

    REGISTER = "register"
    BREACHES = "breaches"
    REQUESTS = "requests"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Tally:
    """How much of a list is live; of that, how much waits for somebody's decision, and of how much it is time by now."""

    live: int = 0
    waiting: int = 0
    due: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as a line among others. `id`: what opens it, as the kind of register or the type of request; `title`: its name.

    `single`: where it has no page of its own, each that is live, by reference and id.
    """

    of: Listing
    tally: Tally
    id: str = ""
    title: str = ""
    single: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Overview:
    """All of them. Of what somebody may not read there is none."""

    lists: tuple[Listed, ...]
