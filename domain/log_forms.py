"""The form on which a policy has incidents written down: its fields in their order, as data of the policy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.words import ParticipantRole, Role


class Shows(StrEnum):
    """What of a case stands in a field of the form."""

    NUMBER = "number"
    STATE = "state"
    REPORTED_BY = "reported_by"
    REPORTED_AT = "reported_at"
    REPORTED_TO = "reported_to"
    """The roles that were told, and who of them answered."""
    RECEIVED_AT = "received_at"
    """When each of them was told, and when they answered."""
    OCCURRED_AT = "occurred_at"
    PLACE = "place"
    CONCERN = "concern"
    AREA = "area"
    """Content, contact, conduct or commerce."""
    URGENCY = "urgency"
    ABOUT = "about"
    PEOPLE = "people"
    """Everybody in it, each with the part they had, in the policy's own words for it if it has any."""
    WHAT_HAPPENED = "what_happened"
    LINK = "link"
    FIRST_STEPS = "first_steps"
    """What whoever reported it had done already."""
    DECISIONS = "decisions"
    ACTIONS = "actions"
    CONTACTS = "contacts"
    MEASURES = "measures"
    """Everything else that was recorded while the case was worked."""
    NOTES = "notes"
    AGENCIES = "agencies"
    """Who outside the school the policy names for it."""
    OUTCOME = "outcome"
    REVIEW_DATE = "review_date"
    REVIEW_RESULT = "review_result"
    CHANGES = "changes"
    """Another category or urgency, a merge, a link, a reopening: with the reason."""


NEEDED = frozenset({Shows.NUMBER, Shows.REPORTED_BY, Shows.REPORTED_AT, Shows.PEOPLE, Shows.WHAT_HAPPENED})
"""Without these it is no record of an incident."""

RECORDED = (
    Shows.LINK,
    Shows.FIRST_STEPS,
    Shows.DECISIONS,
    Shows.ACTIONS,
    Shows.CONTACTS,
    Shows.MEASURES,
    Shows.NOTES,
    Shows.OUTCOME,
    Shows.REVIEW_DATE,
    Shows.REVIEW_RESULT,
    Shows.CHANGES,
)
"""What somebody wrote. Where a form has no field for it, it stands after the form: nothing that was recorded is left out."""


@dataclass(frozen=True, slots=True)
class LogField:
    """A field of the form: what is printed over it, and what stands in it. `sign`: whose signature and its date it has."""

    label: str
    hint: str = ""
    shows: tuple[Shows, ...] = ()
    sign: Role | None = None
    cites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogForm:
    """The form, row by row, each with the fields that stand side by side. `note`: what the policy says of the record itself.

    `parts`: what the policy, or the school's own system, calls the part that somebody had; where it says nothing, the bot's
    words for it stand.
    """

    heading: str
    rows: tuple[tuple[LogField, ...], ...]
    cites: tuple[str, ...] = ()
    note: str = ""
    note_cites: tuple[str, ...] = ()
    parts: Mapping[ParticipantRole, str] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[LogField, ...]:
        """All of them, in order."""
        return tuple(field for row in self.rows for field in row)

    @property
    def shown(self) -> frozenset[Shows]:
        """What has a field."""
        return frozenset(shows for field in self.fields for shows in field.shows)

    @property
    def all_cites(self) -> tuple[str, ...]:
        """Every clause that it stands on, each once."""
        found: Iterable[str] = (*self.cites, *self.note_cites, *(c for field in self.fields for c in field.cites))
        return tuple(dict.fromkeys(found))
