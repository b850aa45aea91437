"""What somebody asks for and alone sees: help, their reports, their queue, the home page, and short private answers."""

from collections.abc import Sequence

from cards.model import Banner, Button, Buttons, ButtonStyle, Card, Form, Part, Table, Text, Tone, Weight
from cards.queue import concern_label, queue_parts
from cards.registers import waiting_parts
from cards.requests import unheard_parts
from cards.texts import command, moment, phone_list, quoted_command, say
from cards.timeline import overdue_parts
from domain.entries import Overdue
from domain.incident import CaseLine
from domain.people import Platform, School
from domain.queues import Queue

REPORT, SHOW_MINE, SHOW_QUEUE = "report", "show_mine", "show_queue"
SHOW_TOPICS, SHOW_WHO, SHOW_GAPS, SHOW_RECORDS, SHOW_FIGURES = (
    "show_topics",
    "show_who",
    "show_gaps",
    "show_records",
    "show_figures",
)
SHOWN_BY = {
    "mine": SHOW_MINE,
    "queue": SHOW_QUEUE,
    "topics": SHOW_TOPICS,
    "who": SHOW_WHO,
    "gaps": SHOW_GAPS,
    "records": SHOW_RECORDS,
    "figures": SHOW_FIGURES,
}
"""The commands that show a page, each with the button that shows the same."""
IN_SCHOOL, OPEN_CASE = "in_school", "open_case"
COMMANDS = (
    *("report", "ask", "request", "sign", "topics", "who", "mine", "queue", "case"),
    *("gaps", "records", "chronology", "figures", "register", "calendar", "digest", "consent", "survey", "registers", "help"),
)
IN_NO_MENU = frozenset({"chronology", "register", "sign", "calendar", "digest", "consent", "survey", "registers"})
"""Teams' menu of commands takes twelve: what is not in it is typed all the same, and this stands on the page of each case."""


def help_card(school: School, platform: Platform, note: str = "") -> Card:
    """The ways on."""
    rows = tuple((command(platform, c), say(f"help.{c}_does")) for c in COMMANDS)
    phones = tuple((school.policy.role_title(role), number) for role, number in school.phones.items())
    parts: list[Part] = [Banner(note, Tone.INFO)] if note else []
    parts.append(Text(say("help.text")))
    if phones:
        parts.append(Text(say("help.phones", phones=phone_list(phones))))
    parts.append(_ways_on())
    parts.append(Table(say("help.commands_caption"), (say("help.command"), say("help.does")), rows, ""))
    return Card(say("help.title"), say("help.summary"), tuple(parts))


def welcome_card(school: School, *, shared: bool) -> Card:
    """What the bot does and for whom, when it is new in somebody's chat, or in one that several people read (`shared`)."""
    parts: list[Part] = [Text(say("welcome.text")), Text(say("welcome.shared" if shared else "welcome.alone"))]
    phones = tuple((school.policy.role_title(role), number) for role, number in school.phones.items())
    if phones:
        parts.append(Text(say("help.phones", phones=phone_list(phones))))
    return Card(say("welcome.title"), say("welcome.summary"), (*parts, _ways_on(home=shared)))


def which_school_card(ways: Sequence[tuple[School, str, str]]) -> Card:
    """Asks which school somebody means, for an organisation with several. With each, the action to go on with and its value."""
    choices = tuple(Button(IN_SCHOOL, s.name, f"{s.id}|{then}|{value}", opens_form=then == REPORT) for s, then, value in ways)
    return Card(say("which_school.title"), say("which_school.text"), (Text(say("which_school.text")), Buttons(choices)))


def unknown_command(platform: Platform, typed: str, nearest: str) -> str:
    """What to say to a word that is no command."""
    typed = typed if len(typed) <= 40 else typed[:39] + "\u2026"
    if nearest:
        return say("help.unknown", typed=typed, nearest=quoted_command(platform, nearest))
    return say("help.unknown_none", typed=typed)


def ask_report_card() -> Card:
    """In answer to the word "report" in a chat, where no form can be opened without a press."""
    start = Button(REPORT, say("ask_report.start"), style=ButtonStyle.PRIMARY, opens_form=True)
    return Card(say("ask_report.title"), say("ask_report.summary"), (Text(say("ask_report.text")), Buttons((start,))))


def case_link_card(reference: str) -> Card:
    """In answer to a case's reference in a chat, where no form can be opened without a press."""
    button = Button(OPEN_CASE, say("case_link.open"), reference, ButtonStyle.PRIMARY, opens_form=True)
    text = say("case_link.text", reference=reference)
    return Card(say("case_link.title"), text, (Text(text), Buttons((button,))))


def mine_card(school: School, lines: Sequence[CaseLine], to_do: tuple[Overdue, ...] = ()) -> Card:
    """One's own reports; and before them, what somebody is to do and has not done in time."""
    columns = tuple(say(f"mine.{c}") for c in ("reference", "concern", "reported", "state"))
    rows = tuple((x.reference, _concern(school, x), moment(school, x.reported_at), say(f"state.{x.state}")) for x in lines)
    reports = Table(say("mine.title"), columns, rows, say("mine.empty"))
    return Card(say("mine.title"), say("mine.summary"), (*overdue_parts(school, to_do), reports))


def queue_card(school: School, queue: Queue) -> Card:
    """What is one's to answer, unanswered first."""
    return Card(say("queue.title"), say("queue.summary"), _queue_parts(school, queue))


def home_card(school: School, queue: Queue, own: Sequence[CaseLine]) -> Card:
    """The home page: the queue of somebody who answers for cases, and everybody's own reports."""
    parts: list[Part] = [Text(say("help.text")), _ways_on(home=True)]
    if queue.answers:
        parts += [Text(say("queue.title"), Weight.HEADING), *_queue_parts(school, queue)]
    else:
        parts += waiting_parts(queue.registers)
    parts += [Text(say("mine.title"), Weight.HEADING), *mine_card(school, own, () if queue.answers else queue.overdue).parts]
    return Card(say("home.title"), say("home.summary"), tuple(parts))


def _queue_parts(school: School, queue: Queue) -> tuple[Part, ...]:
    registers = waiting_parts(queue.registers)
    first = (
        *_records_wait(queue.records_wait),
        *registers,
        *overdue_parts(school, queue.overdue),
        *unheard_parts(queue.unheard),
    )
    return (*first, *queue_parts(school, queue))


def notice(title: str, text: str, tone: Tone = Tone.INFO) -> Card:
    """A short private answer."""
    return Card(title, text, (Banner(text, tone),))


def as_form(card: Card, form_id: str = "notice") -> Form:
    """A card to read in a dialog. Dialogs have short titles: a longer one stands in the dialog itself."""
    if len(card.title) <= 24:
        return Form(form_id, card.title, card.parts)
    return Form(form_id, say("bot.name"), (Text(card.title, Weight.HEADING), *card.parts))


def _ways_on(*, home: bool = False) -> Buttons:
    report = Button(REPORT, say("help.report"), style=ButtonStyle.PRIMARY, opens_form=True)
    if home:
        return Buttons((report,))
    return Buttons((report, Button(SHOW_MINE, say("help.mine")), Button(SHOW_QUEUE, say("help.queue"))))


def _records_wait(wait: bool) -> tuple[Part, ...]:  # noqa: FBT001 - a fact, not a mode
    return (Text(say("queue.records")), Buttons((Button(SHOW_RECORDS, say("queue.show_records")),))) if wait else ()


def _concern(school: School, line: CaseLine) -> str:
    return concern_label(school, line.concern)
