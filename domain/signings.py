"""What became of what staff have to sign: who has signed which version, until when, by when others have to.

A new version asks everybody once more, and so does the end of its term. Nobody signs for another; that somebody was at a
training may be entered for them by whoever keeps its register, and says by whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.agreements import Agreement
from domain.deadlines import months_after
from domain.report_form import Fault, Filled

DONE_FIELD, ATTENDED_FIELD = "agreement_done", "agreement_attended"
"""The fields of the forms: when a training was; who was there."""
RENEWED_BEFORE = timedelta(days=28)
"""So long before a signature ends somebody is asked for the next."""
MOST_REMINDERS = 3
"""Reminders after which they stop: the list of who has not signed remains."""
REMINDED_AFTER_DAYS = 5
"""School days between a reminder and the next."""
FINGERPRINT = 12
"""So many characters of a text's hash are shown."""


@dataclass(frozen=True, slots=True)
class Signing:
    """Where somebody stands with one agreement: which `version` they were asked for last, and the newest signature if any."""

    id: str
    agreement: str
    person_id: str
    version: str
    asked_at: datetime
    due_at: datetime
    signatures: int = 0
    signed_version: str = ""
    signed_at: datetime | None = None
    until: datetime | None = None

    def holds(self, agreement: Agreement, now: datetime) -> bool:
        """Whether this version is signed, and that is not over."""
        return self.signed_version == agreement.version and (self.until is None or self.until > now)

    def asks(self, agreement: Agreement, now: datetime) -> bool:
        """Whether a signature is wanted now: there is none of this version, or it is over soon."""
        return not self.holds(agreement, now) or (self.until is not None and self.until <= now + RENEWED_BEFORE)


@dataclass(frozen=True, slots=True)
class GivenSignature:
    """Signed once, and never changed. `by_id`: who entered it, whoever signed unless it was a training.

    `name`: theirs at that time. `done_at`: when a training was. `text_hash`: of what they were shown.
    """

    id: str
    signing_id: str
    number: int
    person_id: str
    by_id: str
    at: datetime
    version: str
    text_hash: str
    name: str
    title: str
    until: datetime | None = None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody who has something to sign, how often they were told since the last new thing, and when the last time."""

    id: str
    person_id: str
    reminded: int
    told_at: datetime | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class ToSign:
    """An agreement as it concerns whoever looks: to be signed by `due`, or signed, until `until` if that ends."""

    agreement: Agreement
    due: datetime
    late: bool
    wanted: bool
    signed_at: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignMenu:
    """What somebody has to sign and has signed, and the lists they may read: how many have not signed, of how many."""

    items: tuple[ToSign, ...]
    lists: tuple[tuple[Agreement, int, int], ...]


@dataclass(frozen=True, slots=True)
class AgreementPage:
    """One to read and to sign. `signed`: the newest signature that counts; `just`: it was given a moment ago."""

    item: ToSign
    form_id: str
    signed: GivenSignature | None = None
    filled: Filled = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    stale: bool = False
    just: bool = False

    @property
    def state(self) -> str:
        """What the form carries: which text was shown."""
        return f"{self.item.agreement.id}|{self.item.agreement.text_hash}|{self.form_id}"


def signed_otherwise(agreement: Agreement, texts: Mapping[str, int]) -> int:
    """How many have signed another text than there is now, though the version is the same. `texts`: how many signed which."""
    return sum(count for text, count in texts.items() if text != agreement.text_hash)


@dataclass(frozen=True, slots=True)
class Gap:
    """Somebody who has not signed. `reminded`: how often."""

    name: str
    due: datetime
    late: bool
    reminded: int


@dataclass(frozen=True, slots=True)
class GapPage:
    """Who has not signed, by name, a page of them; and of how many.

    `after`: where the next page begins. `shown_id`: of this showing. `reworded`: how many have signed another text of the same
    version, which has been changed since.
    """

    agreement: Agreement
    gaps: tuple[Gap, ...]
    missing: int
    of: int
    after: str = ""
    begins: bool = True
    reminded: int | None = None
    entered: int | None = None
    shown_id: str = ""
    reworded: int = 0


@dataclass(frozen=True, slots=True)
class SigningExport:
    """How everybody stands with an agreement, and every signature to it.

    `signed`: who has signed this version, by name, and when. `names`: of who entered one, by id.
    """

    agreement: Agreement
    at: datetime
    gaps: tuple[Gap, ...]
    signed: tuple[tuple[str, datetime], ...]
    given: tuple[GivenSignature, ...]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AttendedForm:
    """To enter who was at a training."""

    agreement: Agreement
    form_id: str
    now: datetime
    filled: Filled = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """What the form carries."""
        return f"{self.agreement.id}|{self.form_id}"


def until_of(agreement: Agreement, begins: datetime, zone: ZoneInfo) -> datetime | None:
    """When a signature ends that counts from that moment; None if it holds for as long as the version."""
    return months_after(begins, agreement.months, zone) if agreement.months else None


def standing(signing: Signing, signature: GivenSignature) -> Signing:
    """Where somebody stands once they have signed."""
    return replace(
        signing,
        signatures=signature.number,
        signed_version=signature.version,
        signed_at=signature.at,
        until=signature.until,
    )
