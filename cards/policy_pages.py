"""The policy to browse: its subjects, who is responsible for what, and what it does not say."""

from collections.abc import Mapping, Sequence

from cards.model import Banner, Button, Buttons, Card, Confirm, Form, Part, Table, Text, Tone, Weight
from cards.pages import SHOW_TOPICS
from cards.texts import moment, say
from domain.answers import Catalogue, Question
from domain.asking import GapFile, GapLine
from domain.people import School
from domain.words import Role

TOPIC, ASK_KNOWN, READ_GAPS, SETTLE_GAPS = "topic", "ask_known", "read_gaps", "settle_gaps"
_PAGE = 12
_MOST_GAPS = 20


def topics_card(catalogue: Catalogue, counts: Mapping[str, int]) -> Card:
    """The subjects, each with how many questions the policy answers on it."""
    buttons = [
        Button(TOPIC, say("topics.topic", title=title, count=counts[topic]), f"{topic}|0")
        for topic, title in catalogue.topics.items()
        if counts.get(topic)
    ]
    return Card(say("topics.title"), say("topics.summary"), (Text(say("topics.text")), Buttons(tuple(buttons))))


def topic_card(catalogue: Catalogue, topic: str, questions: Sequence[Question], page: int) -> Card:
    """The questions of one subject, a page of them."""
    shown = questions[page * _PAGE : (page + 1) * _PAGE]
    title = catalogue.topics[topic]
    buttons = [Button(ASK_KNOWN, q.title[:1].upper() + q.title[1:], q.id) for q in shown]
    on = []
    if len(questions) > (page + 1) * _PAGE:
        on.append(Button(TOPIC, say("topics.more"), f"{topic}|{page + 1}"))
    on.append(Button(SHOW_TOPICS, say("topics.back")))
    body: tuple[Part, ...] = (Buttons(tuple(buttons)),) if buttons else (Text(say("topics.none")),)
    return Card(say("topics.page", title=title), say("topics.summary"), (*body, Buttons(tuple(on))))


def who_card(school: School, rows: Sequence[tuple[Role, str]], topic: str) -> Card:
    """Who holds each role of the policy, and the way to the topic that says what each does."""
    table = Table(
        say("who.caption"),
        (say("who.role"), say("who.holders")),
        tuple((school.policy.role_title(role), holders or say("who.nobody")) for role, holders in rows),
        "",
    )
    text = Text(say("who.text", policy=school.policy.title))
    return Card(say("who.title"), say("who.summary"), (text, table, Buttons((Button(TOPIC, say("who.more"), f"{topic}|0"),))))


def gaps_card(school: School, lines: Sequence[GapLine]) -> Card:
    """What the policy does not say, without the words in which it was asked."""
    parts: list[Part] = [Text(say("gaps.text"))] if lines else [Text(say("gaps.empty"))]
    for line in lines[:_MOST_GAPS]:
        title = line.title[:1].upper() + line.title[1:] or say("gaps.unknown")
        last = moment(school, line.last)
        once = line.count == 1
        told = (
            say("gaps.line_once", title=title, last=last)
            if once
            else say("gaps.line", title=title, count=line.count, last=last)
        )
        parts.append(Text(told))
        parts.append(Buttons((Button(READ_GAPS, say("gaps.read"), line.question, opens_form=True),)))
    return Card(say("gaps.title"), say("gaps.summary"), tuple(parts))


def gap_form(school: School, file: GapFile) -> Form:
    """The words in which one thing was asked, to read in a dialog."""
    title = file.title[:1].upper() + file.title[1:] or say("gaps.unknown")
    asked = [Text(say("gaps.asked", when=moment(school, gap.at), text=gap.text)) for gap in file.gaps]
    sure = Confirm(say("gaps.settle_title"), say("gaps.settle_text"), say("gaps.yes"), say("gaps.no"))
    settle = Button(SETTLE_GAPS, say("gaps.settle"), file.question, confirm=sure)
    logged = Banner(say("gaps.logged"), Tone.INFO)
    return Form("gaps", say("gaps.dialog"), (logged, Text(title, Weight.HEADING), *asked, Buttons((settle,))))
