"""What a policy's grid suggests for a case, and what a person decides. The grid suggests; it never decides."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeAlias

from domain.grids import ILLEGAL, Action, Cell, Counts, Grid, Kind, NoRow, Row, Stage, Sure, Times
from domain.policy import Policy
from domain.routing import Facts
from domain.words import EXTERNAL_ROLES, About, Role

KIND, TIMES, OWN, WHY, STEP = "grid_kind", "grid_times", "grid_own", "grid_why", "grid_step:"
"""The fields of a decision; STEP is followed by the id of a step."""
NO_KIND, COUNTED, DO, LEAVE = "none", "counted", "do", "leave"
"""What they hold beside ids: that the grid has no line for it, that the earlier cases say how often it has happened, and that a
step is to be done or not.
"""

_ABOVE_THE_HEAD = (Role.CHAIR_OF_GOVERNORS, Role.GOVERNORS)
_UNDER_THE_HEAD = frozenset(Role) - EXTERNAL_ROLES - frozenset(_ABOVE_THE_HEAD)


@dataclass(frozen=True, slots=True)
class Item:
    """One suggested step, with the clauses it stands on. `unsettled`: the facts it needs and nobody has told yet."""

    action: Action
    sure: Sure
    cites: tuple[str, ...]
    unsettled: Mapping[str, bool]

    @property
    def laid_down(self) -> bool:
        """Whether the policy wants it done, as far as the facts are known."""
        return self.sure is Sure.DEFINITE and not self.unsettled


@dataclass(frozen=True, slots=True)
class Checklist:
    """The steps for one kind of incident. `beyond`: the grid says nothing of so many times, so that these are the last it has.

    `following`: what it would be the next time, where that is something else.
    """

    kind: Kind
    row: Row
    times: Times
    items: tuple[Item, ...]
    beyond: bool
    following: "Checklist | None" = None

    def of(self, stage: Stage) -> tuple[Item, ...]:
        """The steps of one stage, those laid down first."""
        return tuple(sorted((i for i in self.items if i.action.stage is stage), key=lambda i: i.sure is Sure.POSSIBLE))


@dataclass(frozen=True, slots=True)
class ChooseKind:
    """The report alone does not say which line of the grid it is: somebody chooses, or says that it is none of these."""

    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class NotInGrid:
    """The grid has no line for it, and why. `reason` is None where the policy has no grid at all, or somebody decided so."""

    reason: NoRow | None


Suggestion: TypeAlias = Checklist | ChooseKind | NotInGrid


def suggest(
    policy: Policy,
    concern: str,
    about: About,
    times: Times,
    known: Mapping[str, bool] | None = None,
    kind: str = "",
    excluded_roles: frozenset[Role] = frozenset(),
) -> Suggestion:
    """What the policy's grid says to do.

    `known`: the facts told so far. `kind`: the one somebody has chosen, or NO_KIND; one that the grid has no more counts as not
    chosen. A step of a role whose every holder is excluded, or who answers to the headteacher whom the case is about, is the
    next one's.
    """
    grid = policy.grid
    if grid is None:
        return NotInGrid(None)
    if concern not in policy.concerns:
        concern = "other"
    if kind == NO_KIND:
        return NotInGrid(grid.reason(concern, about))
    told = known or {}
    chosen = grid.kinds.get(kind)
    if chosen is None:
        kinds = _possible(grid.kinds_of(concern, about), told)
        if not kinds:
            return NotInGrid(grid.reason(concern, about))
        # Who did it may turn out to be a pupil, or an adult: for either the grid has something else.
        if len(kinds) > 1 or kinds[0].confirm or about is About.UNKNOWN:
            return ChooseKind(kinds)
        chosen = kinds[0]
    excluded = excluded_roles | (_UNDER_THE_HEAD if about is About.HEADTEACHER else frozenset())
    found = _checklist(policy, grid, chosen, about, times, told, excluded)
    following = _checklist(policy, grid, chosen, about, times.again, told, excluded)
    same = (following.row, following.items) == (found.row, found.items)
    return found if same else replace(found, following=following)


def _possible(kinds: tuple[Kind, ...], told: Mapping[str, bool]) -> tuple[Kind, ...]:
    """Those that nothing told speaks against; all of them where something speaks against each."""
    return tuple(k for k in kinds if all(told.get(f, v) == v for f, v in k.facts.items())) or kinds


def _checklist(
    policy: Policy, grid: Grid, kind: Kind, about: About, times: Times, told: Mapping[str, bool], excluded: frozenset[Role]
) -> Checklist:
    row, cells, last = _row(grid, kind, times)
    cells = (*cells, *(a.cell for a in grid.always if about in a.about))
    facts = {**told, **kind.facts}
    items: dict[str, Item] = {}
    for cell in cells:
        if any(facts.get(f, v) != v for f, v in cell.when.items()):
            continue
        unsettled = {f: v for f, v in cell.when.items() if f not in facts}
        new = Item(_able(policy, grid.actions[cell.action], excluded), cell.sure, cell.cites, unsettled)
        items[cell.action] = _joined(items[cell.action], new) if cell.action in items else new
    order = list(Times)
    return Checklist(kind, row, times, tuple(items.values()), beyond=order.index(times) > order.index(last))


def _row(grid: Grid, kind: Kind, times: Times) -> tuple[Row, tuple[Cell, ...], Times]:
    """The row, its steps, and the last time that the grid speaks of."""
    own = grid.rows[kind.row]
    again = kind.again or own.again
    if not again:
        return own, own.cells(times), own.last
    other = grid.rows[again]
    if times is Times.FIRST:
        return own, own.cells(times), Times.SECOND
    if other.joins:
        return own, (*own.cells(times), *other.cells(times)), Times.MORE
    # A second time is the first in the row that it has come to, and so on.
    reached = Times.FIRST if times is Times.SECOND else Times.SECOND
    return other, other.cells(reached), Times.SECOND if other.last is Times.FIRST else Times.MORE


def _joined(one: Item, other: Item) -> Item:
    """The same step from two places: the stronger holds, under the clauses of both."""
    strong, weak = sorted((one, other), key=lambda i: (i.laid_down, i.sure is Sure.DEFINITE), reverse=True)
    return replace(strong, cites=tuple(dict.fromkeys((*strong.cites, *weak.cites))))


def _able(policy: Policy, action: Action, excluded: frozenset[Role]) -> Action:
    by = _stand_in(policy, action.by, excluded) if isinstance(action.by, Role) else action.by
    return replace(action, by=by, to=tuple(dict.fromkeys(_stand_in(policy, r, excluded) for r in action.to)))


def _stand_in(policy: Policy, role: Role, excluded: frozenset[Role]) -> Role:
    if role in EXTERNAL_ROLES:
        return role
    rungs = (role, *policy.ladder(role), Role.HEADTEACHER, *_ABOVE_THE_HEAD)
    return next((r for r in rungs if r not in excluded), Role.LADO)


# How often it has happened


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier incident in which the same person is said to have done it. `kind`: the one that was decided on, if any."""

    incident_id: str
    on: date
    concern: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often it has happened, and the earlier incidents counted. `told`: only the reporter says that there was one."""

    times: Times
    counted: tuple[Earlier, ...]
    told: bool = False


def repeats(
    grid: Grid, kind: Kind, earlier: Iterable[Earlier], on: date, window: timedelta, *, told: bool | None = None
) -> Repeats:
    """The place of an incident of this day among the earlier ones of the window, which begins so long before it.

    `told`: what the reporter answered. They may know of one that was never reported, so their yes makes it the second time.
    """
    counted = tuple(
        sorted(
            (e for e in earlier if on - window <= e.on <= on and _counts(grid, kind, e)), key=lambda e: (e.on, e.incident_id)
        )
    )
    if not counted:
        return Repeats(Times.SECOND if told else Times.FIRST, (), told=bool(told))
    return Repeats(Times.SECOND if len(counted) == 1 else Times.MORE, counted)


def _counts(grid: Grid, kind: Kind, earlier: Earlier) -> bool:
    if earlier.kind == NO_KIND:
        return False
    was = grid.kinds.get(earlier.kind)
    kinds = (was,) if was else tuple(k for k in grid.kinds.values() if earlier.concern in k.concerns)
    # Rows that a repeat leads to, or that lead to this one, are the same trouble at another level.
    rows = {kind.row, kind.again or grid.rows[kind.row].again}
    match grid.counts:
        case Counts.KIND:
            return any(k.id == kind.id for k in kinds) if was else earlier.concern in kind.concerns
        case Counts.ROW:
            return any(k.row in rows for k in kinds)
        case Counts.GRID:
            return bool(kinds)


def suggest_for(
    policy: Policy,
    facts: Facts,
    earlier: Iterable[Earlier],
    on: date,
    window: timedelta,
    known: Mapping[str, bool] | None = None,
    kind: str = "",
    excluded_roles: frozenset[Role] = frozenset(),
) -> tuple[Suggestion, Repeats | None]:
    """What the grid says to do about a report of this day, and how the earlier ones were counted once there is a kind.

    `known`: what was told beside the report. The rest is as for `suggest` and `repeats`.
    """
    # A reporter who thinks that no law was broken does not settle it: the step stays, with its question.
    told = {**({ILLEGAL: True} if facts.illegal_suspected else {}), **(known or {})}
    first = suggest(policy, facts.concern, facts.about, Times.FIRST, told, kind, excluded_roles)
    if policy.grid is None or not isinstance(first, Checklist):
        return first, None
    counted = repeats(policy.grid, first.kind, earlier, on, window, told=facts.repeat)
    return suggest(policy, facts.concern, facts.about, counted.times, told, first.kind.id, excluded_roles), counted


# What a person decides


class Difference(StrEnum):
    """In what a decision differs from what was suggested."""

    OTHER_KIND = "other_kind"
    OTHER_TIMES = "other_times"
    LEFT_OUT = "left_out"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided to do: the kind, how often it has happened, the steps by id, and a step of their own.

    Where it differs from what was suggested, `reason` says why. Where the grid has no line for it the kind is NO_KIND, and no
    number of times is decided.
    """

    kind: str
    times: Times | None
    steps: tuple[str, ...]
    own: str
    reason: str
    differs: tuple[Difference, ...]

    def __post_init__(self) -> None:
        if self.differs and not self.reason:
            raise ValueError("a decision that differs from what the policy suggests needs a reason")


@dataclass(frozen=True, slots=True)
class ReasonMissing:
    """It differs from what was suggested, and nobody has said why."""

    differs: tuple[Difference, ...]


def decide(
    suggested: Suggestion, taken: Checklist | None, steps: Collection[str], own: str = "", reason: str = ""
) -> Decision | ReasonMissing:
    """What somebody decides on `taken`, the checklist for the kind and the times they chose; None: the grid has no line for it.

    To choose among several kinds that were offered is no difference, nor to do or leave what is only possible or turns on what
    nobody knows.

    Raises:
        ValueError: a step is not on the checklist.
    """
    items = taken.items if taken is not None else ()
    known = [i.action.id for i in items]
    if unknown := sorted(set(steps) - set(known)):
        raise ValueError(f"no step of this checklist: {', '.join(unknown)}")
    differs = []
    if _other_kind(suggested, taken):
        differs.append(Difference.OTHER_KIND)
    if isinstance(suggested, Checklist) and taken is not None and suggested.times is not taken.times:
        differs.append(Difference.OTHER_TIMES)
    if any(i.laid_down and i.action.id not in steps for i in items):
        differs.append(Difference.LEFT_OUT)
    if items and own.strip():
        differs.append(Difference.ADDED)
    if differs and not reason.strip():
        return ReasonMissing(tuple(differs))
    kind, times = (taken.kind.id, taken.times) if taken is not None else (NO_KIND, None)
    chosen = tuple(a for a in known if a in steps)
    return Decision(kind, times, chosen, own.strip(), reason.strip(), tuple(differs))


def wording(policy: Policy, action: Action) -> str:
    """A step in words, with the titles filled in: several agencies are all meant, of people at school one or the other."""
    titles = list(dict.fromkeys(policy.role_title(r) for r in action.to))
    if not titles:
        return action.text
    last = " and " if EXTERNAL_ROLES.issuperset(action.to) else " or "
    *first, end = titles
    return action.text.replace("{to}", f"{', '.join(first)}{last}{end}" if first else end)


def filled_steps(filled: Mapping[str, str]) -> tuple[str, ...]:
    """The steps that were chosen in the fields of a decision, by id."""
    return tuple(f.removeprefix(STEP) for f, value in filled.items() if f.startswith(STEP) and value == DO)


def _other_kind(suggested: Suggestion, taken: Checklist | None) -> bool:
    match suggested:
        case Checklist():
            return taken is None or taken.kind.id != suggested.kind.id
        case ChooseKind():
            return taken is not None and taken.kind.id not in {k.id for k in suggested.kinds}
        case NotInGrid():
            return taken is not None
