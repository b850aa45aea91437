"""Reads the school files: who holds which role, the channels, the hours. What is wrong is refused, the place named."""

from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from domain.access import FIGURE_READERS
from domain.agencies import Contact
from domain.deadlines import COMES_BACK, SchoolCalendar, Term
from domain.figures import LEAST_BASE, MOST_BASE, USUAL_BASE
from domain.patterns import LEAST, MOST_CASES, MOST_DAYS, Patterns
from domain.people import CHATS, GROUP_OF, Group, Holders, Platform, School
from domain.policy import Policy
from domain.retention import LONGEST_YEARS, YEARS
from domain.school_dates import DateEntry
from domain.words import EXTERNAL_ROLES, RetentionClass, Role, Urgency
from storage.agency_files import Phone, WebAddress
from storage.calendar_files import SchoolDate
from storage.policy_files import load_policy, load_policy_at, shared_folder
from storage.yaml_files import PolicyFileError, checked, read_yaml


class SchoolFileError(Exception):
    """A school file cannot be used. The message names the file, the place in it, and what to do."""


def _inside(role: Role) -> Role:
    if role in EXTERNAL_ROLES:
        raise ValueError(f"{role.value} is outside the school: the bot cannot alert it")
    return role


def _chat(platform: Platform) -> Platform:
    if platform not in CHATS:
        raise ValueError(f"{platform.value} has no channels: {', '.join(CHATS)}")
    return platform


Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", to_lower=True, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
Channel = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
InsideRole = Annotated[Role, AfterValidator(_inside)]
_Chat = Annotated[Platform, AfterValidator(_chat)]


def _quoted(given: object) -> object:
    # YAML reads 10:00 without quotes as a number in base sixty, which would pass for ten past midnight.
    if not isinstance(given, str):
        raise ValueError('put the time in quotes: "08:30"')  # noqa: TRY004 - pydantic turns a ValueError into its own
    return given


_Time = Annotated[time, BeforeValidator(_quoted)]


_SchoolDays = Annotated[int, Field(strict=True, ge=1, le=30)]

_Days = Annotated[int, Field(strict=True, ge=1, le=3650)]

_Years = Annotated[int, Field(strict=True, ge=1, le=LONGEST_YEARS)]

_LONGEST_CLOSED_DAYS = 300


class _Hours(BaseModel):
    model_config = ConfigDict(extra="forbid")
    opens: _Time = time(8, 30)
    closes: _Time = time(16, 0)


class _Often(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


_SPANS = {_Often.HOUR: timedelta(hours=1), _Often.DAY: timedelta(days=1), _Often.WEEK: timedelta(weeks=1)}


class _Heads(BaseModel):
    model_config = ConfigDict(extra="forbid")
    every: _Often = _Often.DAY
    mail: Email | Annotated[str, StringConstraints(max_length=0)] = ""


def _sees_figures(role: Role) -> Role:
    if role not in FIGURE_READERS:
        raise ValueError(f"{role.value} does not see figures: {', '.join(sorted(FIGURE_READERS))}")
    return role


class _Figures(BaseModel):
    model_config = ConfigDict(extra="forbid")
    to: list[Annotated[Role, AfterValidator(_sees_figures)]] | None = None
    smallest: Annotated[int, Field(strict=True, ge=LEAST_BASE, le=MOST_BASE)] = USUAL_BASE


_SurveyAddress = Annotated[
    str, StringConstraints(pattern=r"^(https://[^\s/?#@]+|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?)/?$", max_length=200)
]
"""Without encryption nobody but this machine itself is let in by that door."""


class _Surveys(BaseModel):
    model_config = ConfigDict(extra="forbid")
    address: _SurveyAddress | None = None


_USUAL = Patterns()
_Cases = Annotated[int, Field(strict=True, ge=LEAST, le=MOST_CASES)]
_PatternDays = Annotated[int, Field(strict=True, ge=1, le=MOST_DAYS)]


class _Patterns(BaseModel):
    model_config = ConfigDict(extra="forbid")
    often: _Cases = _USUAL.often
    often_days: _PatternDays = _USUAL.often_days
    together: _Cases = _USUAL.together
    together_days: _PatternDays = _USUAL.together_days
    same_kind: _Cases = _USUAL.same_kind


class _Contact(BaseModel):
    model_config = ConfigDict(extra="forbid")
    phone: Phone | None = None
    email: Email | None = None
    url: WebAddress | None = None
    name: Name | None = None

    @model_validator(mode="after")
    def _reached_somehow(self) -> "_Contact":
        if not (self.phone or self.email or self.url):
            raise ValueError("give a phone, an email or a url")
        return self

    def to_domain(self) -> Contact:
        return Contact(self.phone or "", self.email or "", self.url or "", self.name or "")


class _School(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{1,7}$")]
    policy: str
    timezone: str = "Europe/London"
    school_day: _Hours = _Hours()
    terms: list[date | str] = []
    closed: list[date | str] = []
    comes_back: dict[Urgency, _SchoolDays] = {}
    houses: list[Name] = []
    forms: list[Name] = []
    phones: dict[Role, Name] = {}
    roles: dict[InsideRole, list[Email] | dict[Name, list[Email]]]
    channels: dict[_Chat, dict[InsideRole, Channel | dict[Name, Channel]]] = {}
    slack_team: str = ""
    teams_tenant: Annotated[str, StringConstraints(max_length=64, strip_whitespace=True, to_lower=True)] = ""
    audit_heads: _Heads = _Heads()
    guests: dict[_Chat, dict[Channel, Email]] = {}
    retention: dict[RetentionClass, _Years] = {}
    agencies: dict[str, _Contact] = {}
    repeats_within: _Days = 365
    figures: _Figures = _Figures()
    signing: bool = False
    patterns: _Patterns = _Patterns()
    dates: list[SchoolDate] = []
    surveys: _Surveys = _Surveys()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("not a time zone; use a name such as Europe/London") from None
        return name


def load_schools(folder: Path) -> dict[str, School]:
    """Every school of a folder, by the name of its file.

    Raises:
        SchoolFileError: the folder has no school file, or one of them is wrong.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise SchoolFileError(
            f"{folder} has no school file: copy docs/example-school.yaml there and fill it in, or set ESAFETY_SCHOOLS"
        )
    schools = [_load(path) for path in files]
    prefixes = [s.prefix for s in schools]
    if twice := {p for p in prefixes if prefixes.count(p) > 1}:
        raise SchoolFileError(
            f"{folder}: two schools have the prefix {', '.join(sorted(twice))}; references must tell them apart"
        )
    return {s.id: s for s in schools}


def _load(path: Path) -> School:
    try:
        raw = checked(path, read_yaml(path), _School)
    except PolicyFileError as wrong:
        raise SchoolFileError("; ".join(str(wrong).splitlines())) from None
    try:
        policy = _policy(path, raw.policy)
        return School(
            id=path.stem,
            name=raw.name,
            prefix=raw.prefix,
            policy=policy,
            calendar=SchoolCalendar(
                ZoneInfo(raw.timezone), raw.school_day.opens, raw.school_day.closes, _days(raw.closed), _terms(raw.terms)
            ),
            comes_back={**COMES_BACK, **raw.comes_back},
            holders={role: _holders(raw, role, who) for role, who in raw.roles.items()},
            channels={p: _channels(raw, c) for p, c in raw.channels.items()},
            phones=raw.phones,
            houses=tuple(raw.houses),
            forms=tuple(raw.forms),
            slack_team=raw.slack_team,
            teams_tenant=raw.teams_tenant,
            guests=_guests(raw),
            heads_every=_SPANS[raw.audit_heads.every],
            heads_mail=raw.audit_heads.mail,
            retention={**YEARS, **raw.retention},
            agencies=_agencies(policy, raw.agencies),
            repeats_within=timedelta(days=raw.repeats_within),
            figures_base=raw.figures.smallest,
            figures_to=policy.figures_to if raw.figures.to is None else tuple(raw.figures.to),
            signs=raw.signing,
            patterns=Patterns(**raw.patterns.model_dump()),
            dates=_dates(policy, raw.dates),
            survey_address=(raw.surveys.address or "").rstrip("/"),
        )
    except (ValueError, PolicyFileError) as wrong:
        raise SchoolFileError(f"{path}: {wrong}") from None


def _policy(path: Path, named: str) -> Policy:
    """A policy by its name; with a slash in it, by the way from the school file to its folder."""
    if "/" not in named and "\\" not in named:
        return load_policy(named)
    home = (path.parent / named).resolve()
    return load_policy_at(home, shared_folder(home))


def _dates(policy: Policy, given: Iterable[SchoolDate]) -> tuple[DateEntry, ...]:
    found, names = [d.to_domain() for d in given], [e.id for e in policy.dates.entries]
    names += [d.id for d in found]
    if twice := sorted({d.id for d in found if names.count(d.id) > 1}):
        raise ValueError(f"dates: {', '.join(twice)} is the id of another date, of this file or of the policy's calendar")
    return tuple(found)


def _agencies(policy: Policy, given: Mapping[str, _Contact]) -> dict[str, Contact]:
    local = [a.id for a in policy.guidance.agencies if a.local]
    if unknown := [a for a in given if a not in local]:
        raise ValueError(f"agencies: {', '.join(unknown)} is not the school's to give: {', '.join(local)}")
    return {agency: contact.to_domain() for agency, contact in given.items()}


def _holders(raw: _School, role: Role, who: list[str] | dict[str, list[str]]) -> Holders:
    if isinstance(who, list):
        return Holders(everywhere=tuple(who))
    _check_groups(raw, f"roles.{role.value}", role, who)
    return Holders(by_group={group: tuple(emails) for group, emails in who.items()})


def _guests(raw: _School) -> dict[tuple[Platform, str], str]:
    held = {email for who in raw.roles.values() for part in _parts(who) for email in part}
    found = {(p, user): email for p, users in raw.guests.items() for user, email in users.items()}
    if useless := sorted(set(found.values()) - held):
        raise ValueError(f"guests: {', '.join(useless)} holds no role in this file: a guest is let in for a role only")
    return found


def _parts(who: list[str] | dict[str, list[str]]) -> Iterable[list[str]]:
    return [who] if isinstance(who, list) else who.values()


def _check_groups(raw: _School, place: str, role: Role, groups: Iterable[str]) -> None:
    known = {Group.HOUSE: raw.houses, Group.FORM: raw.forms}.get(GROUP_OF.get(role, Group.STAFF))
    if known is None:
        raise ValueError(f"{place}: this role is for the whole school: do not divide it by house or form")
    if unknown := sorted(set(groups) - set(known)):
        raise ValueError(f"{place}: {', '.join(unknown)} is not among the {GROUP_OF[role].value}s at the top of the file")


def _channels(raw: _School, channels: Mapping[Role, str | dict[str, str]]) -> dict[tuple[Role, str], str]:
    found: dict[tuple[Role, str], str] = {}
    for role, place in channels.items():
        if isinstance(place, str):
            found[role, ""] = place
        else:
            _check_groups(raw, f"channels: {role.value}", role, place)
            found |= {(role, group): channel for group, channel in place.items()}
    return found


def _days(closed: list[date | str]) -> frozenset[date]:
    found: set[date] = set()
    for entry in closed:
        span = _span(entry)
        if span is None:
            raise ValueError(f"closed: {str(entry)!r} is neither a day (2026-12-21) nor a span (2026-12-21/2027-01-03)")
        day, end = span
        if end < day:
            raise ValueError(f"closed: {entry} ends before it begins")
        if (end - day).days >= _LONGEST_CLOSED_DAYS:
            raise ValueError(f"closed: {entry} is longer than a school can be closed: check its years")
        found.update(day + timedelta(days=n) for n in range((end - day).days + 1))
    in_a_row = 0
    for day in sorted(found):
        in_a_row = in_a_row + 1 if day - timedelta(days=1) in found else 1
        if in_a_row > _LONGEST_CLOSED_DAYS:
            raise ValueError(f"closed: the {in_a_row} days up to {day} are more than a school can be closed: check the spans")
    return frozenset(found)


def _terms(terms: list[date | str]) -> tuple[Term, ...]:
    found = []
    for entry in terms:
        span = _span(entry)
        if span is None or "/" not in str(entry):
            raise ValueError(f"terms: {str(entry)!r} is not a span from a first to a last day (2026-09-02/2026-10-23)")
        found.append(Term(*span))
    return tuple(found)


def _span(entry: date | str) -> tuple[date, date] | None:
    """The first and the last day of an entry; None where it is neither a day nor a span."""
    first, slash, last = str(entry).partition("/")
    try:
        return date.fromisoformat(first.strip()), date.fromisoformat((last if slash else first).strip())
    except ValueError:
        return None
