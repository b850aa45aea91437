"""What the policy's grid suggests for a case, as a checklist; the fields in which a person decides; whom to turn to outside."""

from collections.abc import Collection, Iterable

from cards.clauses import points
from cards.model import Banner, Choice, Fact, Facts, Leaf, Link, Option, Part, Section, Text, TextField, Tone, Weight
from cards.texts import day_of, listed, say
from domain.agencies import Contact, Offered
from domain.checklists import (
    COUNTED,
    DO,
    KIND,
    LEAVE,
    NO_KIND,
    OWN,
    STEP,
    TIMES,
    WHY,
    Checklist,
    ChooseKind,
    Item,
    NotInGrid,
    Repeats,
    Suggestion,
    wording,
)
from domain.grids import ILLEGAL, Grid, Kind, Stage, Times
from domain.people import School
from domain.policy import Policy
from domain.report_form import LONGEST_TEXT
from domain.words import Role


def checklist_parts(school: School, suggestion: Suggestion, counted: Repeats | None = None) -> tuple[Part, ...]:
    """What the grid suggests, to be read: its steps by stage, who carries each out, the clauses, and what comes next time.

    `counted`: how often it has happened, where that was looked up.
    """
    match suggestion:
        case Checklist():
            return _steps(school, suggestion, counted)
        case ChooseKind(kinds):
            lines = tuple(Text(f"• {kind.name}") for kind in kinds)
            return (Section(say("grid.title"), (Text(say("grid.choose")), *lines)),)
        case NotInGrid(reason):
            if reason is None:
                return ()
            return (Section(say("grid.title"), (Text(_with_clauses(school, reason.why, reason.cites)),)),)


def kind_fields(policy: Policy, kinds: Iterable[Kind], chosen: str, times: Times | None) -> tuple[Choice, Choice]:
    """Which line of the grid it is, or none, and how often it has happened."""
    rows = policy.grid.rows if policy.grid is not None else {}
    options = tuple(Option(k.id, k.name, group=rows[k.row].name) for k in kinds)
    none = Option(NO_KIND, say("grid.no_kind"), group=say("grid.no_kind_group"))
    often = tuple(Option(t, say(f"grid.times_{t}")) for t in (COUNTED, *Times))
    return (
        Choice(KIND, say("grid.kind"), (*options, none), chosen, say("grid.kind_hint"), compact=True),
        Choice(TIMES, say("grid.times"), often, times or COUNTED, compact=True),
    )


def decision_fields(
    school: School, taken: Checklist, steps: Collection[str], own: str = "", reason: str = ""
) -> tuple[Part, ...]:
    """A choice for each step of the checklist, a step of one's own, and why it differs from what is suggested.

    `steps`: those that are chosen. What the fields send back is read by `filled_steps`.
    """
    options = (Option(DO, say("grid.do")), Option(LEAVE, say("grid.leave")))
    choices = (
        Choice(
            f"{STEP}{i.action.id}",
            wording(school.policy, i.action),
            options,
            DO if i.action.id in steps else LEAVE,
            _standing(school, i),
            compact=True,
        )
        for stage in Stage
        for i in taken.of(stage)
    )
    return (
        *choices,
        TextField(OWN, say("grid.own"), own, required=False, multiline=True, max_length=LONGEST_TEXT),
        TextField(WHY, say("grid.why"), reason, say("grid.why_hint"), required=False, multiline=True, max_length=LONGEST_TEXT),
    )


def line_facts(found: Checklist) -> Facts:
    """The line of the grid, what it is for, and how often it has happened."""
    return Facts((
        Fact(say("grid.row"), found.row.name),
        Fact(say("grid.is"), found.kind.name),
        Fact(say("grid.times"), say(f"grid.times_{found.times}")),
    ))  # fmt: skip


def agencies_section(school: School, offered: Iterable[Offered]) -> tuple[Part, ...]:
    """Whom to turn to outside, for what, and how; where the school has not filled it in, that is said."""
    parts = [part for one in offered for part in _agency(school, one)]
    return (Section(say("agency.title"), tuple(parts)),) if parts else ()


def _steps(school: School, found: Checklist, counted: Repeats | None) -> tuple[Part, ...]:
    grid = school.policy.grid
    head: list[Leaf] = [line_facts(found)]
    if counted is not None:
        head.append(Text(_counted(school, counted), Weight.MUTED))
    if grid is not None and grid.note is not None:
        head.append(Text(_with_clauses(school, grid.note.text, grid.note.cites), Weight.MUTED))
    if found.beyond:
        head.append(Banner(say("grid.beyond"), Tone.INFO))
    stages = ((say(f"grid.stage_{stage}"), found.of(stage)) for stage in Stage)
    sections = (Section(title, tuple(Text(_line(school, i)) for i in items)) for title, items in stages if items)
    return (
        Section(say("grid.title"), tuple(head)),
        *sections,
        *_following(school, found),
        Text(say("grid.decides"), Weight.MUTED),
    )


def _following(school: School, found: Checklist) -> tuple[Section, ...]:
    """What comes next time that does not come now."""
    after = found.following
    if after is None:
        return ()
    now = {(i.action.id, i.sure) for i in found.items}
    new = [i for stage in Stage for i in after.of(stage) if (i.action.id, i.sure) not in now]
    named = (Text(say("grid.becomes", row=after.row.name)),) if after.row is not found.row else ()
    return (Section(say("grid.next"), (*named, *(Text(_line(school, i)) for i in new))),)


def _counted(school: School, counted: Repeats) -> str:
    days = school.repeats_within.days
    if counted.told:
        return say("grid.counted_told", days=days)
    if not counted.counted:
        return say("grid.counted_none", days=days)
    return say("grid.counted", days=days, dates=listed((day_of(e.on) for e in counted.counted), "and"))


def _line(school: School, item: Item) -> str:
    step = wording(school.policy, item.action)
    return f"• {say('grid.line', sure=say(f'grid.{item.sure}'), step=step, standing=_standing(school, item))}"


def _standing(school: School, item: Item) -> str:
    """Who carries it out, what it depends on, and the clauses."""
    by = item.action.by
    who = school.policy.role_title(by) if isinstance(by, Role) else say(f"grid.by_{by}")
    needs = "".join(
        say("grid.needs", question=_question(school.policy.grid, f), answer=_answer(v)) for f, v in item.unsettled.items()
    )
    return say("grid.standing", who=who, needs=needs, points="; ".join(points(school, item.cites)))


def _question(grid: Grid | None, fact: str) -> str:
    if fact == ILLEGAL or grid is None:
        return say("grid.illegal")
    return grid.facts[fact]


def _answer(value: bool) -> str:  # noqa: FBT001 - the answer to a question
    return say("grid.yes" if value else "grid.no")


def _with_clauses(school: School, text: str, cites: tuple[str, ...]) -> str:
    return say("receipt.from_policy", text=text, points="; ".join(points(school, cites))) if cites else text


def _agency(school: School, one: Offered) -> tuple[Leaf, ...]:
    agency = one.agency
    name = school.policy.role_title(agency.role) if agency.role is not None and agency.local else agency.name
    if one.contact is None:
        return (Text(say("agency.missing", name=name, use=agency.use)),)
    line = Text(say("agency.line", name=one.contact.name or name, use=agency.use, way=_way(one.contact)))
    return (line, Link(one.contact.name or name, one.contact.url)) if one.contact.url else (line,)


def _way(contact: Contact) -> str:
    return ", ".join(w for w in (contact.phone, contact.email) if w) or say("agency.online")
