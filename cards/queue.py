"""What waits for somebody: the queue itself, a page of one of its lists, and the form that says which lines to show."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import assert_never

from cards.case_changes import SIGN_CASE
from cards.messages import ACKNOWLEDGE, DETAILS
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Choice,
    Form,
    Leaf,
    Option,
    Part,
    Section,
    Text,
    Tone,
    Weight,
)
from cards.texts import moment, say
from cards.timeline import overdue_line
from domain.entries import Overdue
from domain.incident import AlertState, CaseLine, Undelivered
from domain.people import School
from domain.queues import (
    ANY,
    CONCERN,
    KIND,
    LATE,
    MINE,
    OPEN_STATES,
    OTHERS,
    REVIEW,
    SHOWN,
    SIGN_OFF,
    STATE,
    UNANSWERED,
    URGENCY,
    WHOSE,
    Count,
    Filters,
    Queue,
    QueueKind,
    QueueLine,
    QueuePage,
    Waiting,
    Wanted,
    Whose,
    as_text,
)
from domain.words import Urgency

SHOW_LINES, ASK_LINES = "queue_lines", "queue_filter"
LINES, FILTER_FORM = "queue_page", "queue_filters"
_MOST_CONCERNS = 95
"""So many options go into every chat's list, with the one for all of them."""


def queue_parts(school: School, queue: Queue) -> tuple[Part, ...]:
    """What is one's to answer, unanswered first, with the way to the rest of each list."""
    late = queue.counts.get(LATE)
    parts: list[Part] = []
    if late is not None:
        parts += [Text(say("queue.all_late", count=counted(late))), _way(say("queue.show_late"), LATE)]
    waiting = tuple(_waiting(school, queue))
    if not queue.lines:
        nothing = () if waiting or late or queue.registers else (Text(say("queue.empty" if queue.answers else "queue.none")),)
        return (*parts, *nothing, *waiting, *((_ways(),) if queue.answers else ()))
    parts += _given_up(queue.lines, queue.undelivered)
    left = SHOWN
    for section, title in ((UNANSWERED, say("queue.open")), (MINE, say("queue.mine")), (OTHERS, say("queue.others"))):
        found = [line for line in queue.lines if _section(line) == section]
        shown = found[:left]
        if shown:
            count = queue.counts.get(section, Count(len(found)))
            parts.append(Section(_titled(title, count), tuple(_case_lines(school, shown, queue.now))))
        left -= len(shown)
        if len(found) > len(shown):
            parts.append(_way(say("queue.show_all", title=title), section))
    return (*parts, *waiting, _ways())


def queue_page_form(school: School, page: QueuePage) -> Form:
    """A page of a list, in a dialog."""
    return Form(LINES, say("queue.page_title"), tuple(_page(school, page)))


def queue_page_card(school: School, page: QueuePage) -> Card:
    """The same in a chat."""
    return Card(say("queue.title"), say("queue.summary"), tuple(_page(school, page)))


def _page(school: School, page: QueuePage) -> list[Part]:
    filters = page.wanted.filters
    parts: list[Part] = [Text(_told(school, filters), Weight.MUTED)]
    if not page.lines:
        parts.append(Text(say("queue.page_gone" if page.gone else "queue.page_end" if page.before else "queue.page_empty")))
    for line in page.lines:
        parts += _line(school, line, page.now)
    buttons = []
    if page.before is not None:
        buttons.append(_button(say("queue.earlier" if page.lines else "queue.beginning"), page.before))
    elif page.gone:
        buttons.append(_button(say("queue.beginning"), page.wanted))
    if page.after is not None:
        buttons.append(_button(say("queue.later"), page.after))
    buttons.append(Button(ASK_LINES, say("queue.choose"), as_text(Wanted(filters)), opens_form=True))
    return [*parts, Buttons(tuple(buttons))]


def queue_filter_form(school: School, filters: Filters) -> Form:
    """Which lines somebody wants to see."""
    concerns = sorted(school.policy.concerns.items(), key=lambda found: found[1].label)[:_MOST_CONCERNS]
    every = Option(ANY, say("queue.any"))
    fields = (
        _choice(KIND, [(k, say(f"queue.kind_{k}")) for k in QueueKind], filters.kind),
        _choice(WHOSE, [(w, say(f"queue.whose_{w}")) for w in Whose], filters.whose),
        _choice(CONCERN, [(key, concern.label) for key, concern in concerns], filters.concern, every),
        _choice(URGENCY, [(u, say(f"urgency.{u}")) for u in Urgency], filters.urgency or "", every),
        _choice(STATE, [(s, say(f"state.{s}")) for s in OPEN_STATES], filters.state or "", every),
    )
    return Form(FILTER_FORM, say("queue.filter_title"), fields, say("queue.filter_show"))


def counted(count: Count) -> str:
    """How many there are."""
    return say("queue.or_more", count=count.number) if count.more else str(count.number)


def concern_label(school: School, concern: str) -> str:
    """A kind of concern as the policy calls it."""
    known = school.policy.concerns.get(concern)
    return known.label if known else concern


def _titled(title: str, count: Count) -> str:
    return say("queue.titled", title=title, count=counted(count))


def _section(line: CaseLine) -> Filters:
    if line.alert_state is AlertState.OPEN:
        return UNANSWERED
    return MINE if line.mine else OTHERS


def _waiting(school: School, queue: Queue) -> Iterable[Part]:
    """What is closed and waits all the same."""
    for section, title in ((SIGN_OFF, say("queue.sign_off")), (REVIEW, say("queue.review"))):
        found = [line for line in queue.waiting if line.kind is section.kind]
        if found:
            count = queue.counts.get(section, Count(len(found)))
            yield Section(_titled(title, count), tuple(p for line in found for p in _waiting_line(school, line)))
            if count.more or count.number > len(found):
                yield _way(say("queue.show_all", title=title), section)


def _ways() -> Buttons:
    return Buttons((Button(ASK_LINES, say("queue.choose"), as_text(Wanted()), opens_form=True),))


def _way(label: str, filters: Filters) -> Buttons:
    return Buttons((Button(SHOW_LINES, label, as_text(Wanted(filters)), opens_form=True),))


def _button(label: str, wanted: Wanted) -> Button:
    return Button(SHOW_LINES, label, as_text(wanted), opens_form=True)


def _choice(field: str, options: Iterable[tuple[str, str]], value: str, *first: Option) -> Choice:
    found = (*first, *(Option(key, label) for key, label in options))
    chosen = value if any(option.value == value for option in found) else found[0].value
    return Choice(field, say(f"queue.field_{field.removeprefix('queue_')}"), found, chosen, compact=True)


def _told(school: School, f: Filters) -> str:
    """Which lines they are, in words."""
    said = [say(f"queue.kind_{f.kind}")]
    if f.whose is not Whose.ANYBODY:
        said.append(say(f"queue.whose_{f.whose}"))
    if f.concern:
        said.append(concern_label(school, f.concern))
    said += [say(f"urgency.{f.urgency}")] if f.urgency is not None else []
    said += [say(f"state.{f.state}")] if f.state is not None else []
    return " \u00b7 ".join(said)


def _given_up(lines: Sequence[CaseLine], undelivered: Sequence[Undelivered]) -> list[Part]:
    """A banner for what stands where it must not, and one for the rest: whoever sees it had better tell by mouth."""
    references = {x.incident_id: x.reference for x in lines[:SHOWN]}
    said, shown = [], []
    for u in undelivered:
        if u.incident_id not in references:
            continue
        about = {"reference": references[u.incident_id], "platform": say(f"platform.{u.platform}")}
        if u.still_shown:
            shown.append(say("queue.still_shown", **about))
        if count := u.count - u.still_shown:
            said.append(say("queue.undelivered_one", **about) if count == 1 else say("queue.undelivered", count=count, **about))
    found = ((shown, Tone.DANGER), (said, Tone.WARNING))
    return [Banner("\n".join(lines_said), tone) for lines_said, tone in found if lines_said]


def _line(school: School, line: QueueLine, now: datetime) -> Iterable[Leaf]:
    match line:
        case CaseLine():
            return _case_lines(school, (line,), now)
        case Overdue():
            return overdue_line(school, line)
        case Waiting():
            return _waiting_line(school, line)
        case never:
            assert_never(never)


def _case_lines(school: School, lines: Sequence[CaseLine], now: datetime) -> Iterable[Leaf]:
    for x in lines:
        line = say(
            "queue.line",
            reference=x.reference,
            urgency=say(f"urgency.{x.urgency}"),
            concern=concern_label(school, x.concern),
            standing=_standing(school, x, now),
            reported=moment(school, x.reported_at),
        )
        yield Text(line)
        buttons = [Button(DETAILS, say("queue.details"), x.incident_id, opens_form=True)]
        if x.alert_state is AlertState.OPEN and x.alert_id:
            buttons.insert(0, Button(ACKNOWLEDGE, say("queue.acknowledge"), x.alert_id, ButtonStyle.PRIMARY))
        yield Buttons(tuple(buttons))


def _standing(school: School, line: CaseLine, now: datetime) -> str:
    if line.alert_state is not AlertState.OPEN:
        return say("queue.owner", owner=line.owner)
    due = say("queue.late" if now >= line.due_at else "queue.due", due=moment(school, line.due_at))
    # Several may be asked in one case: each of these lines is one alert.
    return due if line.role is None else f"{say('queue.for', role=school.policy.role_title(line.role))} \u00b7 {due}"


def _waiting_line(school: School, line: Waiting) -> Iterable[Leaf]:
    since = say(f"queue.since_{line.kind}", when=moment(school, line.at))
    urgency, concern = say(f"urgency.{line.urgency}"), concern_label(school, line.concern)
    if line.role is not None:
        role = school.policy.role_title(line.role)
        since = f"{since} · {say('queue.asked_who', role=role, who=line.who) if line.who else say('queue.asked', role=role)}"
    yield Text(say("queue.waiting_line", reference=line.reference, urgency=urgency, concern=concern, since=since))
    buttons = (
        [Button(SIGN_CASE, say("queue.sign"), line.incident_id, ButtonStyle.PRIMARY, opens_form=True)] if line.sign else []
    )
    if line.reads:
        buttons.append(Button(DETAILS, say("queue.details"), line.incident_id, opens_form=True))
    if buttons:
        yield Buttons(tuple(buttons))
