"""What is true of Teams alone: installing, where private things go, who somebody is, outages, and who reads a channel."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS
from cards import case as case_cards
from cards import messages, pages, report_form
from cards.adaptive import SUBMIT
from domain.people import Address, AddressKind, Kind, Platform
from domain.report_form import LONGEST_TEXT
from storage import tables as t
from storage.people_files import carry_out, plan_import, read_people
from storage.store import Store
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock
from tests.fakes.teams_model import Message, Reply, card_problems
from tests.fakes.teams_user import TeamsUser
from tests.story.both_stage import at_rest
from tests.story.stage import BRUNEL, SAFEGUARDING, Dialog, Value, reference_in
from tests.story.teams_stage import TeamsDialog, TeamsStage, teams_stage

GROOMING: dict[str, Value] = {"concern": "grooming", "about": "pupil", "danger": "no"}
UNSURE: dict[str, Value] = {"concern": "grooming", "about": "unknown", "danger": "no"}
WHAT = "He keeps asking her for pictures"
NAMES = ("Bea", "Exemplar")
WELCOME = "I take reports of online-safety concerns"
OFFER = "Two short screens"
WAYS_ON = "How can I help"
IN_PRIVATE = "I have answered you in our own chat"
NO_CHAT = "please open a chat with me first"
NOT_YOURS = "Only the people who were asked"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """One database is enough for most: the story itself runs on both."""
    return sqlite_at(tmp_path / "teams.db")


@pytest_asyncio.fixture
async def stage(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[TeamsStage]:
    """The demo school in a tenant."""
    async with teams_stage(sqlite_url, tmp_path, clock) as stage:
        yield stage
        await quiet(stage)


@pytest_asyncio.fixture
async def on_both(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[TeamsStage]:
    """The same on each kind of database."""
    async with teams_stage(database_url, tmp_path, clock) as stage:
        yield stage
        await quiet(stage)


async def grooming(stage: TeamsStage, who: str = "teacher", **details: Value) -> str:
    """A report for the DSL; gives its reference."""
    return await stage.reports(who, GROOMING, {"what": WHAT, **details})


async def quiet(stage: TeamsStage) -> None:
    """Waits until the bot has done what it does after its answers, and has nothing left to send."""
    await at_rest(stage.bot, stage.clock)


async def records_of(bot: Bot) -> str:
    """All that the bot keeps, but for what is sealed."""
    kept = []
    async with bot.database.begin(write=False) as connection:
        for table in t.metadata.tables.values():
            rows = await connection.execute(table.select())
            kept += [f"{table.name}: {[value for value in row if not isinstance(value, bytes)]}" for row in rows]
    return "\n".join(kept)


async def ids_of(stage: TeamsStage, reference: str) -> tuple[str, str]:
    """The ids of a case and of its first alert."""
    async with stage.bot.database.begin(write=False) as connection:
        incident = (await connection.execute(t.incidents.select().where(t.incidents.c.reference == reference))).one()
        alert = (await connection.execute(t.alerts.select().where(t.alerts.c.incident_id == incident.id))).first()
    assert alert is not None
    return str(incident.id), str(alert.id)


async def open_draft(stage: TeamsStage) -> str:
    """The id of the one report that was begun and not sent."""
    async with stage.bot.database.begin(write=False) as connection:
        return str((await connection.execute(t.drafts.select().where(t.drafts.c.state == "open"))).one().id)


def holding(stage: TeamsStage, place: str, words: str) -> list[Message]:
    """The bot's messages in a chat or channel that hold those words, whoever sees them."""
    place = stage.fake.conversation(place).id
    return [m for m in stage.fake.posted if m.conversation == place and m.from_bot and words in m.shown]


def alerts(stage: TeamsStage, who: str, reference: str) -> list[Message]:
    """The alerts about a report that somebody has in their chat."""
    return [m for m in stage.users[who].from_bot if reference in m.shown and "Hand on" in m.buttons]


async def newcomer(stage: TeamsStage, key: str, name: str, email: str = "", *, upn: str | None = None) -> TeamsUser:
    """Somebody with an account who has the app, of whom the bot has never heard."""
    user = stage.fake.add_user(name, email, upn=upn)
    user.chat.own_app = True
    stage.users = {**stage.users, key: user}
    return user


async def staff_list(stage: TeamsStage, *lines: str, without: str = "") -> None:
    """The school hands in its staff list again, with more lines or without somebody."""
    path = changed_list(lines, without)
    school = next(iter(stage.bot.schools.values()))
    async with Store(stage.bot.database).transaction(school) as records:
        await carry_out(records, await plan_import(records, Kind.STAFF, read_people(path, Kind.STAFF)), stage.clock.now())


def changed_list(lines: Sequence[str], without: str) -> Path:
    """The demo school's staff list with more lines, or without somebody."""
    kept = [x for x in (DEMO_SCHOOLS / "staff.csv").read_text().splitlines() if not without or without not in x.split(",")[1]]
    path = Path("staff.csv")
    path.write_text("\n".join([*kept, *lines]))
    return path


async def invoke(user: TeamsUser, name: str, data: Any, where: str | None = None) -> Reply:
    """What a client would send if it did not keep to the card it was given; the bot's answer."""
    value = (
        {"action": {"type": "Action.Execute", "verb": "x", "data": data}} if name == "adaptiveCard/action" else {"data": data}
    )
    place = user.teams.conversation(where) if where else user.chat
    return await user.teams.deliver(user.activity("invoke", place, name=name, value=value))


ACTED_ON = ("adaptiveCard/action", "task/fetch", "task/submit")


# Installing


async def test_everybody_who_installs_it_is_welcomed_once(stage: TeamsStage) -> None:
    """Teams tells of an installation twice: there is one welcome, which says what it is for, to whom, and what it is not."""
    await quiet(stage)
    for user in stage.users.values():
        (welcome,) = holding(stage, user.chat.id, WELCOME)
        for words in ("from staff", "call 999 first", "Only you see this chat", "Report a concern", "My queue"):
            assert words in welcome.shown
    for team in stage.teams.values():
        (welcome,) = holding(stage, team.id, WELCOME)
        assert "Everybody here can read" in welcome.shown
        assert "My queue" not in welcome.shown


async def test_whoever_installs_it_again_is_welcomed_again(stage: TeamsStage) -> None:
    """Removed and added: it is new to them again, once."""
    teacher = stage.users["teacher"]
    await teacher.waits_for_message(WELCOME)
    await teacher.uninstall()
    await quiet(stage)
    await teacher.install()
    await teacher.waits_for_message(WELCOME, after=1)
    await quiet(stage)
    assert len(holding(stage, teacher.chat.id, WELCOME)) == 2


async def test_a_group_chat_is_welcomed_once_each_time_it_is_added(stage: TeamsStage) -> None:
    """The welcome says that everybody there can read, and a press on its button opens the form for one person alone."""
    teacher, it = stage.users["teacher"], stage.users["it"]
    group = stage.fake.add_group_chat([teacher, it])
    for times in (1, 2):
        await group.install(teacher)
        welcome = await teacher.waits_for_message(WELCOME, where=group.id, after=times - 1)
        await quiet(stage)
        assert len(holding(stage, group.id, WELCOME)) == times
        assert "Everybody here can read" in welcome.shown
        await teacher.press(welcome, "Report a concern")
        assert teacher.dialog is not None
        assert it.dialog is None
        await group.uninstall(teacher)
        await quiet(stage)


@pytest.mark.parametrize("by_way_of", ["General", "staff"])
async def test_a_team_that_adds_it_again_is_welcomed_again(stage: TeamsStage, by_way_of: str) -> None:
    """Whichever channel it is added by way of."""
    head = stage.users["headteacher"]
    team = stage.fake.add_team("Leadership", [head], ["staff"])
    for times in (1, 2):
        await team.install(head, by_way_of)
        await head.waits_for_message(WELCOME, where=team.channels[by_way_of], after=times - 1)
        await quiet(stage)
        assert len(holding(stage, team.channels[by_way_of], WELCOME)) == times
        await team.uninstall(head)
        await quiet(stage)


async def test_one_installation_told_of_by_way_of_two_channels_is_one(stage: TeamsStage) -> None:
    """One event names the team's own channel, the other the one that was chosen: still one welcome."""
    head = stage.users["headteacher"]
    team = stage.fake.add_team("Leadership", [head], ["staff"])
    team.roster.installed = True
    general, chosen = (stage.fake.conversations[team.channels[name]] for name in ("General", "staff"))
    data = {"team": {"id": team.id}}
    members = [stage.fake.bot]
    await head.send(
        head.activity("conversationUpdate", general, channelData={**data, "eventType": "teamMemberAdded"}, membersAdded=members)
    )
    await head.send(head.activity("installationUpdate", chosen, channelData=data, action="add"))
    await head.waits_for_message(WELCOME, where=team.id)
    await quiet(stage)
    assert sum(len(holding(stage, channel, WELCOME)) for channel in team.channels.values()) == 1


async def test_who_joins_a_team_or_a_chat_is_not_greeted(stage: TeamsStage) -> None:
    """Only the bot's own arrival is worth a message: a newcomer to a team or chat hears nothing, nor does anybody else."""
    nia = await newcomer(stage, "nia", "Nia Newcomer", "nia@elsewhere.example")
    group = stage.fake.add_group_chat([stage.users["teacher"]])
    await group.install(stage.users["teacher"])
    await quiet(stage)
    before = len(stage.fake.posted)
    await stage.teams[BRUNEL].add_member(nia, stage.users["dsl"])
    await group.add_member(nia, stage.users["teacher"])
    await nia.send(nia.activity("conversationUpdate", nia.chat, membersAdded=[nia.person.as_account()]))
    await quiet(stage)
    assert len(stage.fake.posted) == before


# Where private things go


@pytest.mark.parametrize("where", ["channel", "group"])
async def test_what_is_asked_among_others_is_answered_in_private(stage: TeamsStage, where: str) -> None:
    """The queue and one's own reports never stand where others read: the place gets a line, the one-to-one chat the answer."""
    teacher, dsl = stage.users["teacher"], stage.users["dsl"]
    reference = await grooming(stage)
    await stage.expects("dsl", reference)
    if where == "group":
        group = stage.fake.add_group_chat([teacher, dsl])
        await group.install(dsl)
        place = group.id
    else:
        team = stage.fake.add_team("Staff", [teacher, dsl], ["everybody"])
        await team.install(dsl)
        place = team.channels["everybody"]
    await quiet(stage)
    for user, words, title in ((dsl, "queue", "My queue"), (teacher, "mine", "My reports")):
        before = len(holding(stage, user.chat.id, title))
        await user.say(words, place, mention=True)
        await user.waits_for_message(IN_PRIVATE, where=place)
        answer = await user.waits_for_message(title, after=before)
        assert reference in answer.shown
    assert holding(stage, place, reference) == []
    assert all(m.card is None or WELCOME in m.shown for m in holding(stage, place, ""))


async def test_a_button_pressed_among_others_is_answered_in_private(stage: TeamsStage) -> None:
    """«My queue» under a help card that everybody sees: the presser gets a line, and the queue in their own chat."""
    dsl, team = stage.users["dsl"], stage.teams[BRUNEL]
    reference = await grooming(stage)
    await stage.expects("dsl", reference)
    await dsl.say("hello there", team.id, mention=True)
    ways_on = await dsl.waits_for_message(WAYS_ON, where=team.id)
    await dsl.press(ways_on, "My queue")
    assert dsl.notes == [IN_PRIVATE + "."]
    assert reference in (await dsl.waits_for_message("My queue", after=1)).shown
    assert reference not in ways_on.shown_to(dsl.id)
    assert holding(stage, team.id, reference) == []


async def test_somebody_without_the_app_is_answered_in_a_chat_that_the_bot_opens(stage: TeamsStage) -> None:
    """They are in a team that has it: that is enough for Teams."""
    supply = stage.fake.add_user("Sam Supply", "sam@agency.example")
    await stage.teams[BRUNEL].add_member(supply, stage.users["dsl"])
    await supply.say("mine", stage.teams[BRUNEL].id, mention=True)
    await supply.waits_for_message(IN_PRIVATE, where=stage.teams[BRUNEL].id)
    await supply.waits_for_message("You have not reported anything yet")


async def test_the_queue_behind_a_button_can_be_worked(stage: TeamsStage) -> None:
    """«My queue» in one's own chat shows it with its buttons, as the word does: it can be acknowledged there."""
    reference = await grooming(stage)
    await stage.expects("dsl", reference)
    dsl = stage.users["dsl"]
    welcome = await dsl.waits_for_message(WELCOME)
    await dsl.press(welcome, "My queue")
    queue = [m for m in dsl.from_bot if "Waiting for an answer" in m.shown_to(dsl.id)]
    assert queue
    await dsl.press(queue[0], "Acknowledge")
    await stage.expects("dsl", reference, "Acknowledged by Dana Okafor")


@pytest.mark.parametrize("by", ["word", "button"])
async def test_where_teams_lets_the_bot_open_no_chat_nothing_private_is_said(stage: TeamsStage, by: str) -> None:
    """403: a line asks them to open a chat, and that is all."""
    dsl, team = stage.users["dsl"], stage.teams[BRUNEL]
    reference = await grooming(stage)
    await stage.expects("dsl", reference)
    await dsl.say("hello there", team.id, mention=True)
    ways_on = await dsl.waits_for_message(WAYS_ON, where=team.id)
    await dsl.uninstall()
    await quiet(stage)
    stage.fake.needs_personal_app = True
    before = len(dsl.from_bot)
    if by == "word":
        await dsl.say("queue", team.id, mention=True)
        await dsl.waits_for_message(NO_CHAT, where=team.id)
    else:
        await dsl.press(ways_on, "My queue")
        assert NO_CHAT in dsl.notes[-1]
    await quiet(stage)
    assert len(dsl.from_bot) == before
    assert holding(stage, team.id, reference) == []


async def test_who_has_no_right_is_refused_kindly_and_alone(stage: TeamsStage) -> None:
    """A member of the channel who was not asked: refused in a dialog or by a line, and the card stays as it is for all."""
    await quiet(stage)
    teacher = stage.users["teacher"]
    await stage.teams[SAFEGUARDING].add_member(teacher, stage.users["dsl"])
    await quiet(stage)
    reference = await grooming(stage, "it", targets=["Bea Exemplar"])
    place = stage.channel_id(SAFEGUARDING)
    card = await teacher.waits_for_message(reference, where=place)
    for label in ("Details", "Hand on"):
        await teacher.press(card, label)
        assert teacher.dialog is not None
        assert NOT_YOURS in teacher.dialog.shown
        assert WHAT not in teacher.dialog.shown
        teacher.dismiss()
    edits = card.edits
    await teacher.press(card, "Acknowledge")
    assert NOT_YOURS in teacher.notes[-1]
    _, alert_id = await ids_of(stage, reference)
    closing = await invoke(teacher, "task/fetch", {"action": messages.CLOSE, "value": alert_id}, place)
    assert NOT_YOURS in closing.body
    await quiet(stage)
    assert (card.edits, card.private) == (edits, {})
    assert "Nobody has acknowledged" in card.shown
    assert WHAT not in teacher.everything_seen


# What a button carries


def tampered(incident_id: str, alert_id: str, draft_id: str, school: str) -> list[Any]:
    """What a card never carried."""
    actions = [
        messages.ACKNOWLEDGE, messages.DETAILS, messages.HAND_ON, messages.CLOSE, case_cards.SAME_PERSON,
        case_cards.OTHER_PERSON, report_form.RESUME, report_form.DISCARD, "made-up", "",
    ]  # fmt: skip
    ids = [incident_id, alert_id, draft_id]
    values: list[Any] = [*ids, f"{incident_id}|{alert_id}", "", "|", {"id": alert_id}, [alert_id], 7, None, "x" * 5000, "\x00"]
    found: list[Any] = [{"action": action, "value": value} for action in actions for value in ids]
    found += [{"action": messages.DETAILS, "value": value} for value in values]
    found += [
        {"action": messages.ACKNOWLEDGE, "value": alert_id, "school": s} for s in ("nowhere", "", {"a": 1}, 7, f"{school}|x")
    ]
    chosen = [f"{school}|{action}|{value}" for action in actions for value in ids]
    chosen += [
        "",
        "|",
        "||",
        "|||",
        school,
        f"{school}|",
        f"nowhere|report|{incident_id}",
        f"{school}|in_school|{school}|in_school|",
    ]
    found += [{"action": pages.IN_SCHOOL, "value": value} for value in [*chosen, {"a": 1}, [school], None]]
    forms = [
        report_form.DETAIL,
        report_form.KIND,
        case_cards.HAND_ON_FORM,
        case_cards.CLOSE_FORM,
        "made-up",
        "",
        {"a": 1},
        None,
    ]
    typed = {"what": "Not mine", "to": "dsl|x", "reason": "x", "outcome": "x", **GROOMING}
    found += [{"action": SUBMIT, "dialog": form, "state": state, **typed} for form in forms for state in [*ids, "", {"a": 1}]]
    return [*found[::2], {}, None, [], "details"]


async def test_a_card_that_was_tampered_with_shows_nobody_anything(on_both: TeamsStage) -> None:
    """Whatever ids are put into a button, whoever has no right gets a kind answer: no case, no draft, and nothing changed."""
    stage = on_both
    reference = await grooming(stage, targets=["Bea Exemplar"])
    first = await stage.command("headteacher", "report")
    assert isinstance(first, Dialog)
    await first.fill(UNSURE)
    second = await first.submit()
    assert second is not None
    await second.fill({"done": "Half a report of the head's", "what": "x" * LONGEST_TEXT, "when": "2026-12-01T10:00"})
    assert await second.submit() is not None
    await quiet(stage)
    draft_id = await open_draft(stage)
    before = [row for row in (await records_of(stage.bot)).splitlines() if row.startswith(("alerts", "drafts", "incidents"))]
    it, channel = stage.users["it"], stage.teams[BRUNEL]
    channel.roster.members.append(it.id)
    said = []
    for data in tampered(*await ids_of(stage, reference), draft_id, next(iter(stage.bot.schools))):
        for name in ACTED_ON:
            reply = await invoke(it, name, data, channel.id if name == "adaptiveCard/action" else None)
            assert reply.status == 200, (name, data)
            assert isinstance(reply.json, dict), (name, data)
            said.append(reply.body)
    for secret in (*NAMES, WHAT, "Half a report", reference, "Dana Okafor"):
        assert not [body for body in said if secret in body], secret
    await quiet(stage)
    after = [row for row in (await records_of(stage.bot)).splitlines() if row.startswith(("alerts", "drafts", "incidents"))]
    assert [row for row in before if row not in after] == []
    assert reference not in it.everything_seen


async def test_every_answer_to_a_tampered_card_is_one_that_teams_can_show(stage: TeamsStage) -> None:
    """A dialog or a line, as for any other press: nobody sees «Something went wrong»."""
    reference = await grooming(stage)
    await quiet(stage)
    it = stage.users["it"]
    for data in tampered(*await ids_of(stage, reference), "no draft", next(iter(stage.bot.schools)))[::3]:
        told = (await invoke(it, "adaptiveCard/action", data)).json
        assert told["statusCode"] == 200
        assert told["value"], data
        for name in ("task/fetch", "task/submit"):
            task = (await invoke(it, name, data)).json["task"]
            assert card_problems(task["value"]["card"]["content"], "dialog") == []


async def test_anothers_draft_is_neither_read_nor_sent_nor_dropped(stage: TeamsStage) -> None:
    """Its id in somebody else's hands opens nothing; its owner still finds it."""
    first = await stage.command("teacher", "report")
    assert isinstance(first, Dialog)
    await first.fill(GROOMING)
    assert await first.submit() is not None
    draft_id = await open_draft(stage)
    dsl = stage.users["dsl"]
    for name in ACTED_ON:
        assert "Screen 2" not in (await invoke(dsl, name, {"action": report_form.RESUME, "value": draft_id})).body
        await invoke(dsl, name, {"action": report_form.DISCARD, "value": draft_id})
    sent = {
        "action": SUBMIT,
        "dialog": report_form.DETAIL,
        "state": draft_id,
        "what": "Not mine",
        "illegal": "no",
        "repeat": "no",
    }
    reply = await invoke(dsl, "task/submit", sent)
    assert "Not mine" in reply.body
    assert "no longer kept" in reply.body
    offer = await stage.command("teacher", "report")
    assert isinstance(offer, Dialog)
    assert "did not send it" in offer.shown


# Reporting a message


async def test_reporting_a_message_keeps_its_address_and_nothing_else(on_both: TeamsStage) -> None:
    """Begun at a message, the case holds the message's address; its text and its picture never reach the bot's records."""
    stage, teacher = on_both, on_both.users["teacher"]
    team = stage.fake.add_team("Year 8", [teacher], ["8c"])
    place = stage.fake.conversations[team.channels["8c"]]
    written = {
        "text": "look at this SECRETWORD",
        "attachments": [
            {
                "contentType": "text/html",
                "content": '<p>look at this SECRETWORD<img src="https://files.example/SECRETFILE.png"></p>',
            },
            {"contentType": "image/png", "name": "SECRETNAME.png", "contentUrl": "https://files.example/SECRETFILE.png"},
        ],
    }
    bad = stage.fake.keep(place, teacher.teams_id, written)
    opened = await teacher.use_message_command("report_message", bad)
    assert opened is not None
    dialog = TeamsDialog(teacher, opened)
    await dialog.fill(GROOMING)
    second = await dialog.submit()
    assert second is not None
    await second.fill({"illegal": "no"})
    empty = await second.submit()
    assert empty is not None
    await empty.fill({"what": WHAT, "illegal": "no"})
    receipt = await empty.submit()
    assert receipt is not None
    reference = reference_in(receipt.shown)
    await stage.expects("dsl", reference)
    case = await stage.press("dsl", "Details", reference)
    assert isinstance(case, Dialog)
    assert f"/{bad.id}" in json.dumps(stage.users["dsl"].dialog.card if stage.users["dsl"].dialog else {})
    await quiet(stage)
    assert "SECRET" not in await records_of(stage.bot)
    assert "SECRET" not in stage.users["dsl"].everything_seen
    assert not [call for call in stage.fake.calls if "SECRET" in json.dumps(call.body)]
    assert stage.fake.calls_of("attachment") == []


async def test_a_message_with_an_odd_address_can_be_reported(on_both: TeamsStage) -> None:
    """Whatever stands where its address should, the report is taken and its lead can read it."""
    teacher = on_both.users["teacher"]
    for link in (None, "", 7, ["x"], {"a": "b"}, "x" * 5000, "javascript:alert(1)"):
        value = {"commandId": "report_message", "messagePayload": {"id": "1", "linkToMessage": link}}
        asked = teacher.activity("invoke", teacher.chat, name="composeExtension/fetchTask", value=value)
        reply = await teacher.teams.deliver(asked)
        assert reply.status == 200, link
        state = reply.json["task"]["value"]["card"]["content"]["actions"][0]["data"]["state"]
        await invoke(teacher, "task/submit", {"action": SUBMIT, "dialog": report_form.KIND, "state": state, **GROOMING})
        sent = {"action": SUBMIT, "dialog": report_form.DETAIL, "state": state, "what": WHAT, "illegal": "no"}
        reference = reference_in(
            (await invoke(teacher, "task/submit", sent)).json["task"]["value"]["card"]["content"]["body"][0]["items"][0][
                "inlines"
            ][0]["text"]
        )
        await on_both.expects("dsl", reference)
        case = await on_both.press("dsl", "Details", reference)
        assert WHAT in shown(case), link


async def test_an_address_with_a_letter_that_no_database_keeps_costs_no_report(on_both: TeamsStage) -> None:
    """NUL in it, as a broken client may send: it is left out, and the report is taken."""
    teacher = on_both.users["teacher"]
    value = {"commandId": "report_message", "messagePayload": {"linkToMessage": "https://teams.example/\x00"}}
    await teacher.teams.deliver(teacher.activity("invoke", teacher.chat, name="composeExtension/fetchTask", value=value))
    assert r"\x00" not in await records_of(on_both.bot)


# Typing


SLIP = "Did you mean"


SAID = (
    ("report", OFFER),
    ("Report", OFFER),
    ("/report", OFFER),
    ("/esafety report", OFFER),
    ("esafety report", OFFER),
    (" report \n", OFFER),
    ("report\u00a0", OFFER),
    ("REPORT!", OFFER),
    ("report.", OFFER),
    ("I want to report that somebody is writing to a girl in 8C", OFFER),
    ("I have a concern.", OFFER),
    ("report a boy", OFFER),
    ("reprot", SLIP),
    ("hippopotamus", "not something I know"),
    ("hello *you*", WAYS_ON),
    ("hello *you* <b>", "I answer questions about online safety"),
    ("can I friend an ex-pupil?", "It depends"),
    ("ask can I friend an ex-pupil", "It depends"),
    ("help", WAYS_ON),
    ("", WAYS_ON),
    ("MINE", "My reports"),
    ("Queue", "My queue"),
    ("/esafety queue", "My queue"),
)


async def test_the_bot_is_spoken_to_as_people_speak(stage: TeamsStage) -> None:
    """Case, spaces and stops do not matter; a slip gets the word that was meant, anything else the ways on."""
    it = stage.users["it"]
    await quiet(stage)
    for typed, answer in SAID:
        before = len(it.from_bot)
        await it.say(typed)
        await quiet(stage)
        assert len(it.from_bot) == before + 1, typed
        assert answer in it.from_bot[-1].shown, typed


AT = "<at>E-safety</at>"


MENTIONS = (
    f"{AT} report",
    f"{AT}report",
    f"{AT}\u00a0report",
    f"{AT}&nbsp;report",
    f"{AT} report&nbsp;",
    f"{AT} report\r\n",
    f"report {AT}",
    '<at id="0">E-safety</at> report\n',
    "<AT>E-safety</AT> Report",
    f"{AT} report <at>Kit Devlin</at>",
    f"{AT} /esafety report",
)


async def test_a_mention_is_read_however_a_client_writes_it(stage: TeamsStage) -> None:
    """Mentions with and without entities, at either end, on a phone or in the browser: the form is offered in the thread."""
    it, team = stage.users["it"], stage.teams[BRUNEL]
    team.roster.members.append(it.id)
    place = stage.fake.conversations[team.id]
    await quiet(stage)
    for text in MENTIONS:
        said = stage.fake.keep(place, it.teams_id, {"text": text})
        await it.send(it.activity("message", place, thread=said.thread, id=said.id, text=text, textFormat="plain"))
        await quiet(stage)
        answer = stage.fake.posted[-1]
        assert answer.from_bot, text
        assert OFFER in answer.shown, text
        assert (answer.thread, answer.only_for) == (said.thread, it.id), text


@pytest.mark.parametrize("where", ["chat", "channel"])
async def test_a_picture_is_answered_with_the_request_to_send_none(stage: TeamsStage, where: str) -> None:
    """Whoever pastes one wants to report: the form is offered, the picture is never fetched and nothing of it is kept."""
    dsl = stage.users["dsl"]
    place = dsl.chat.id if where == "chat" else stage.teams[BRUNEL].id
    await dsl.send_picture(place, text="SECRETWORD", mention=where == "channel")
    offer = await dsl.waits_for_message(OFFER, where=place)
    assert "attach no pictures" in offer.shown
    await quiet(stage)
    assert stage.fake.calls_of("attachment") == []
    assert "SECRETWORD" not in await records_of(stage.bot)


async def test_what_teams_delivers_twice_is_answered_once(on_both: TeamsStage) -> None:
    """Teams sends again what it believes lost: after the first answer, or while that is under way."""
    stage, teacher = on_both, on_both.users["teacher"]
    await teacher.say("report")
    await teacher.waits_for_message(OFFER)
    again = stage.fake.deliveries[-1].activity
    for _ in range(3):
        assert (await stage.fake.deliver(again)).status == 202
    twice = teacher.activity("message", teacher.chat, text="help", textFormat="plain")
    await asyncio.gather(*(stage.fake.deliver(twice) for _ in range(4)))
    await teacher.waits_for_message(WAYS_ON)
    await quiet(stage)
    assert len(holding(stage, teacher.chat.id, OFFER)) == 1
    assert len(holding(stage, teacher.chat.id, WAYS_ON)) == 1


async def test_one_form_sent_twice_is_one_report(stage: TeamsStage) -> None:
    """Two presses on «Send report», or Teams' own repeat: one report, and the same receipt."""
    reference = await grooming(stage)
    sent = next(
        d.activity for d in reversed(stage.fake.deliveries) if d.activity.get("name") == "composeExtension/submitAction"
    )
    replies = await asyncio.gather(*(stage.fake.deliver(sent) for _ in range(4)))
    assert all(reference in reply.body for reply in replies)
    await quiet(stage)
    assert set(re.findall(r"CSS-2026-\d+", await records_of(stage.bot))) == {reference}
    assert len(alerts(stage, "dsl", reference)) == 1


async def test_a_name_can_be_picked_from_the_list_though_it_is_not_on_it(stage: TeamsStage) -> None:
    """«…, not on the list» is offered last; picked, it is kept as typed, also when the form comes back first."""
    first = await stage.command("teacher", "report")
    assert isinstance(first, Dialog)
    await first.fill(GROOMING)
    second = await first.submit()
    assert second is not None
    teacher = stage.users["teacher"]
    dialog = teacher.dialog
    assert dialog is not None
    offered = await teacher.suggest(dialog, "targets", "Zoë O'Neil, née Smith & Sons")
    dialog.values["targets"] = offered[-1]["value"]
    await second.fill({"what": WHAT, "illegal": "no", "when": "2026-12-01T10:00:00+00:00"})
    again = await second.submit()
    assert again is not None
    assert set(again.errors) == {"when"}
    assert again.value("targets") == ["text:Zoë O'Neil, née Smith & Sons"]
    await again.fill({"when": "2026-11-24T09:00:00+00:00"})
    receipt = await again.submit()
    assert receipt is not None
    assert not receipt.errors, receipt.errors
    reference = reference_in(receipt.shown)
    await stage.expects("dsl", reference)
    case = await stage.press("dsl", "Details", reference)
    assert "Zoë O'Neil, née Smith & Sons" in shown(case)


async def test_of_many_namesakes_the_first_are_offered(stage: TeamsStage) -> None:
    """Teams shows fifteen: they are the first of those found, and what was typed comes last."""
    await staff_list(stage, *(f"Lee Namesake{letter},lee.{letter.lower()}@demo.example," for letter in "ABCDEFGHIJKLMNOPQRST"))
    first = await stage.command("teacher", "report")
    assert isinstance(first, Dialog)
    await first.fill(GROOMING)
    assert await first.submit() is not None
    offered = [one["title"] for one in await stage.users["teacher"].suggest(None, "targets", "Lee")]
    assert len(offered) <= 15
    assert offered[0].startswith("Lee NamesakeA")
    assert "not on the list" in offered[-1]


# Who somebody is


async def test_somebody_is_known_by_their_address_or_by_their_sign_in_name(stage: TeamsStage) -> None:
    """In any case of letters, and whichever of the two the staff list has."""
    await staff_list(stage, "Nia Newcomer,n.newcomer@demo.example,", "Ola Onboard,o.onboard@demo.example,")
    await newcomer(stage, "nia", "Nia Newcomer", "N.Newcomer@DEMO.example", upn="nn01@tenant.example")
    await newcomer(stage, "ola", "Ola Onboard", "", upn="O.Onboard@Demo.Example")
    await newcomer(stage, "other", "Ola Onboard", "ola@tenant.example", upn="ola@tenant.example")
    for who, listed in (("nia", True), ("ola", True), ("other", False)):
        first = await stage.command(who, "report")
        assert isinstance(first, Dialog)
        await first.fill(GROOMING)
        assert await first.submit() is not None
        offered = await stage.users[who].suggest(None, "targets", "Bea")
        assert ("Exemplar" in str(offered)) is listed, who


@pytest.mark.parametrize("kind", ["stranger", "nameless"])
async def test_somebody_on_no_list_reports_and_sees_nothing_else(stage: TeamsStage, kind: str) -> None:
    """Somebody of the tenant whom no list has, or without any address: the report counts, and its receipt comes."""
    email = "" if kind == "nameless" else "gus@elsewhere.example"
    gus = await newcomer(stage, "gus", "Gus Nobody", email, upn="" if kind == "nameless" else None)
    first = await stage.command("gus", "report")
    assert isinstance(first, Dialog)
    await first.fill(GROOMING)
    second = await first.submit()
    assert second is not None
    for typed in ("Bea", "B", "Dana"):
        assert [one["title"] for one in await gus.suggest(None, "targets", typed)] == [f"“{typed}”, not on the list"]
    await second.fill({"what": WHAT, "illegal": "no"})
    receipt = await second.submit()
    assert receipt is not None
    reference = reference_in(receipt.shown)
    await stage.expects("gus", reference, "have been alerted")
    await stage.expects("dsl", reference)
    # Without an address nobody can tell that they are not the lead.
    in_doubt = "does not confirm just now whose account this is" if kind == "nameless" else ""
    assert (in_doubt or "not been asked to answer") in str(await stage.command("gus", "queue"))
    assert reference in str(await stage.command("gus", "mine"))
    incident_id, _ = await ids_of(stage, reference)
    assert (in_doubt or NOT_YOURS) in (await invoke(gus, "task/fetch", {"action": messages.DETAILS, "value": incident_id})).body


async def test_a_changed_staff_list_counts_at_once(stage: TeamsStage) -> None:
    """Taken off the list, the DSL reads nothing more; put on again, everything."""
    reference = await grooming(stage)
    await stage.expects("dsl", reference)
    await staff_list(stage, without="d.okafor@demo.example")
    assert NOT_YOURS in shown(await stage.press("dsl", "Details", reference))
    assert reference not in str(await stage.command("dsl", "queue"))
    await staff_list(stage)
    assert WHAT in shown(await stage.press("dsl", "Details", reference))


async def test_teams_that_does_not_say_who_somebody_is_costs_no_report(stage: TeamsStage) -> None:
    """Whatever goes wrong with looking a user up, the form opens, the report is kept, and its receipt arrives."""
    for trouble in (500, 404, 403, 429, 401, 0):
        who = f"nia {trouble}"
        await newcomer(stage, who, "Nia Newcomer", f"nia{trouble}@demo.example")
        stage.fake.fail(40, trouble or 200, lost=not trouble, of=["member"])
        reference = await grooming(stage, who)
        await stage.expects(who, reference, "have been alerted")
        await stage.expects("dsl", reference)
        stage.fake.no_more_faults()


async def test_teams_that_is_slow_to_say_who_somebody_is_costs_no_report(
    stage: TeamsStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form opens in time all the same, and once Teams does say who it was, they are known."""
    monkeypatch.setattr("bot.teams.people._PATIENCE", timedelta(seconds=0.1))
    await staff_list(stage, "Nia Newcomer,n.newcomer@demo.example,")
    await newcomer(stage, "nia", "Nia Newcomer", "n.newcomer@demo.example")
    stage.fake.slow["member"] = 1.0
    reference = await grooming(stage, "nia")
    await stage.expects("nia", reference, "have been alerted")
    stage.fake.slow.clear()
    assert "My reports" in str(await stage.command("nia", "mine"))
    first = await stage.command("nia", "report")
    assert isinstance(first, Dialog)
    await first.fill(GROOMING)
    assert await first.submit() is not None
    assert "Exemplar" in str(await stage.users["nia"].suggest(None, "targets", "Bea"))


async def test_somebody_of_another_organisation_is_nobody_here(stage: TeamsStage) -> None:
    """In a chat shared with another organisation an address proves nothing: its own administrators write it as they like."""
    reference = await grooming(stage)
    await stage.expects("dsl", reference)
    incident_id, _ = await ids_of(stage, reference)
    mallory = stage.fake.add_user("Dana Okafor", "d.okafor@demo.example", upn="mallory@evil.example")
    mallory.person.tenant = "99999999-0000-4000-8000-000000000000"
    group = stage.fake.add_group_chat([stage.users["teacher"], mallory])
    await group.install(stage.users["teacher"])
    await quiet(stage)
    read = await invoke(mallory, "task/fetch", {"action": messages.DETAILS, "value": incident_id}, group.id)
    assert WHAT not in read.body
    await mallory.say("queue", group.id, mention=True)
    await quiet(stage)
    assert not [m for m in mallory.from_bot if reference in m.shown]


# Delivery


async def test_a_rate_limit_is_waited_out(stage: TeamsStage) -> None:
    """Teams asks for thirty seconds: not before then, and then it arrives, once."""
    await quiet(stage)
    stage.fake.fail(10, 429, "TooManyRequests", retry_after=30)
    reference = await grooming(stage)
    await stage.settled()
    assert alerts(stage, "dsl", reference) == []
    stage.fake.no_more_faults()
    stage.clock.advance(seconds=29)
    await stage.settled()
    assert alerts(stage, "dsl", reference) == []
    stage.clock.advance(seconds=1)
    await stage.expects("dsl", reference)
    await stage.settled()
    assert len(alerts(stage, "dsl", reference)) == 1


async def test_teams_down_after_the_report_loses_no_alert(on_both: TeamsStage) -> None:
    """Sent just before Teams went away: everybody is told once it is back, also in the channel."""
    stage = on_both
    await quiet(stage)
    stage.fake.fail(100, 503)
    reference = await grooming(stage)
    await stage.fake.stop()
    for _ in range(3):
        stage.clock.advance(seconds=3)
        stage.bot.worker.bell.set()
        await asyncio.sleep(0.05)
    stage.fake.no_more_faults()
    await stage.fake.start()
    stage.clock.advance(minutes=2)
    await stage.expects("dsl", reference, "Nobody has acknowledged")
    await stage.expects("dsl", reference, "Nobody has acknowledged", channel=SAFEGUARDING)
    await stage.expects("teacher", reference, "have been alerted")


async def test_a_lost_answer_makes_a_repeat_that_says_so(stage: TeamsStage) -> None:
    """The message went out but Teams' answer was lost: it is sent again, and the second copy says that it may be one."""
    await quiet(stage)
    stage.fake.fail(6, lost=True)
    reference = await grooming(stage)
    await stage.settled()
    stage.fake.no_more_faults()
    for _ in range(4):
        stage.clock.advance(seconds=10)
        await stage.settled()
    found = alerts(stage, "dsl", reference)
    assert len(found) >= 2
    assert "may have had this before" not in found[0].shown
    assert all("may have had this before" in m.shown for m in found[1:])


@pytest.mark.parametrize("status", [400, 413])
async def test_a_card_that_teams_refuses_is_sent_as_text(stage: TeamsStage, status: int) -> None:
    """It must not cost the alert: a line with the reference arrives in each place, and is changed there later."""
    await quiet(stage)
    stage.fake.fail(1, status, "BadSyntax", of=["create"])
    reference = await grooming(stage)
    await stage.expects("dsl", reference, "please acknowledge", channel=SAFEGUARDING)
    (line,) = [m for m in stage.fake.messages_in(stage.channel_id(SAFEGUARDING)) if reference in m.text]
    assert line.card is None
    await stage.press("dsl", "Acknowledge", reference)
    await stage.settled()
    assert "Acknowledged by Dana Okafor" in line.shown


async def test_a_change_that_teams_refuses_is_made_as_text(stage: TeamsStage) -> None:
    """The card stood already: what is new about it is said all the same."""
    reference = await grooming(stage)
    await stage.expects("dsl", reference, channel=SAFEGUARDING)
    await quiet(stage)
    stage.fake.fail(2, 400, "BadSyntax", of=["update"])
    await stage.press("dsl", "Acknowledge", reference)
    await stage.settled()
    await stage.expects("dsl", reference, "cknowledged by Dana Okafor", channel=SAFEGUARDING)


async def test_a_token_that_has_run_out_delays_an_alert_and_loses_none(stage: TeamsStage) -> None:
    """Teams takes the bot's own token no more: a new one is fetched, and every message arrives."""
    await quiet(stage)
    stage.fake.forget_tokens()
    reference = await grooming(stage)
    await stage.settled()
    stage.clock.advance(minutes=5)
    await stage.expects("dsl", reference)
    await stage.expects("teacher", reference, "have been alerted")


async def test_a_token_that_has_run_out_costs_nobody_an_answer(stage: TeamsStage) -> None:
    """Somebody asks for their queue in the moment the token runs out: the bot fetches a new one and answers, once."""
    await quiet(stage)
    stage.fake.forget_tokens()
    dsl = stage.users["dsl"]
    await dsl.say("queue")
    await dsl.waits_for_message("Nothing is waiting")


@pytest.mark.parametrize("status", [500, 429, 0])
async def test_a_hiccup_of_teams_costs_nobody_an_answer(stage: TeamsStage, status: int) -> None:
    """The first try of an answer fails: who has asked gets it all the same, or is told in the end."""
    await quiet(stage)
    stage.fake.fail(1, status or 200, retry_after=1 if status == 429 else None, lost=not status)
    await stage.users["dsl"].say("report")
    await stage.users["dsl"].waits_for_message(OFFER)


async def test_somebody_who_never_said_a_word_is_alerted_in_a_chat_of_their_own(stage: TeamsStage) -> None:
    """They are in a team that has the app, and have never opened it: that is enough."""
    await quiet(stage)
    old, brunel = stage.users["dsl"], stage.teams[BRUNEL]
    for team in stage.teams.values():
        team.roster.members.remove(old.id)
    async with stage.bot.database.begin() as connection:
        await connection.execute(t.teams_users.delete().where(t.teams_users.c.user_id == old.id))
    dana = stage.fake.add_user("Dana Okafor", "d.okafor@demo.example")
    stage.users = {**stage.users, "dsl": dana}
    await brunel.add_member(dana, stage.users["brunel head"])
    await quiet(stage)
    reference = await grooming(stage)
    await stage.expects("dsl", reference, "Nobody has acknowledged")


async def without_the_channel(stage: TeamsStage) -> None:
    """The safeguarding team takes the app out."""
    await stage.teams[SAFEGUARDING].uninstall(stage.users["deputy"])
    await quiet(stage)


async def test_an_alert_for_somebody_whom_teams_does_not_know_climbs_at_once(stage: TeamsStage) -> None:
    """The DSL has never been seen in Teams: the deputy is asked now, not in fifteen minutes."""
    await quiet(stage)
    for place in stage.fake.conversations.values():
        if place.kind != "personal" and stage.users["dsl"].id in place.members:
            place.members.remove(stage.users["dsl"].id)
    async with stage.bot.database.begin() as connection:
        await connection.execute(t.teams_users.delete().where(t.teams_users.c.email == "d.okafor@demo.example"))
    await without_the_channel(stage)
    reference = await grooming(stage)
    await stage.expects("deputy", reference, "nobody before you has answered")


@pytest.mark.parametrize("told", [True, False], ids=["Teams has said so", "Teams says so at the first try"])
async def test_a_chat_that_was_closed_makes_the_alert_climb_and_opened_again_is_used(stage: TeamsStage, told: bool) -> None:
    """The DSL has taken the app out: the deputy is asked at once; put in again, the next alert is the DSL's."""
    await quiet(stage)
    dsl = stage.users["dsl"]
    await without_the_channel(stage)
    stage.fake.needs_personal_app = True
    if told:
        await dsl.uninstall()
        await quiet(stage)
    else:
        dsl.chat.own_app = False
    reference = await grooming(stage)
    await stage.expects("deputy", reference, "nobody before you has answered")
    assert alerts(stage, "dsl", reference) == []
    await dsl.install()
    await quiet(stage)
    again = await grooming(stage)
    await stage.expects("dsl", again, "Nobody has acknowledged")
    await stage.never("deputy", again)


@pytest.mark.parametrize("status", [403, 404])
async def test_a_channel_that_is_gone_does_not_keep_the_alert_from_people(stage: TeamsStage, status: int) -> None:
    """The channel takes nothing: those who are asked get the alert in their own chat."""
    await quiet(stage)
    stage.fake.fail(1, status, "ConversationNotFound", of=["create"])
    reference = await grooming(stage)
    await stage.expects("dsl", reference, "Nobody has acknowledged")
    await stage.never("dsl", reference, SAFEGUARDING)
    await stage.never("deputy", reference)


async def test_every_copy_changes_where_it_stands(stage: TeamsStage) -> None:
    """Acknowledged in a chat, the copies in the channel and the chats are the same messages, changed."""
    reference = await grooming(stage)
    await stage.expects("dsl", reference)
    await stage.expects("dsl", reference, channel=SAFEGUARDING)
    await stage.settled()
    before = {m.id for m in stage.fake.posted if reference in m.shown}
    await stage.press("dsl", "Acknowledge", reference)
    await stage.expects("dsl", reference, "Acknowledged by Dana Okafor", channel=SAFEGUARDING)
    await stage.settled()
    alerts_now = [m for m in stage.fake.posted if reference in m.shown and "your report" not in m.shown]
    assert {m.id for m in alerts_now} == before
    assert not [m for m in stage.fake.posted if "Nobody has acknowledged" in m.shown]


async def test_an_alert_makes_a_sound_and_a_receipt_does_not(stage: TeamsStage) -> None:
    """Teams is asked to show a notification for what must be answered, with no name in it."""
    reference = await grooming(stage, targets=["Bea Exemplar"])
    await stage.expects("dsl", reference)
    await stage.expects("teacher", reference, "have been alerted")
    (alert,), (receipt,) = alerts(stage, "dsl", reference), holding(stage, stage.users["teacher"].chat.id, reference)
    assert alert.newest["channelData"] == {"notification": {"alert": True}}
    assert "channelData" not in receipt.newest
    for message in (alert, receipt):
        assert reference in message.newest["summary"]
        assert not [name for name in (*NAMES, WHAT) if name in json.dumps(message.newest)]


# Who reads a channel


async def test_a_lead_who_is_named_reads_the_channel(on_both: TeamsStage) -> None:
    """What excludes the DSL does not stand where the DSL reads, and the one who is asked gets it alone."""
    reference = await on_both.reports("teacher", UNSURE, {"targets": ["Dana Okafor"], "what": WHAT})
    await on_both.expects("deputy", reference)
    await on_both.never("dsl", reference, SAFEGUARDING)
    await on_both.never("dsl", reference)


@pytest.mark.parametrize("kind", ["guest", "unlisted", "nameless", "a named one by another address"])
async def test_a_stranger_in_the_team_may_be_anybody(stage: TeamsStage, kind: str) -> None:
    """Somebody whom the staff list does not know reads the channel: it is avoided as soon as a report shuts anybody out."""
    name, email = (
        ("Bryn Marsh", "bryn@personal.example") if kind.startswith("a named") else ("Gus Guest", "gus@elsewhere.example")
    )
    nameless = kind == "nameless"
    gus = stage.fake.add_user(name, "" if nameless else email, guest=kind == "guest", upn="" if nameless else None)
    await stage.teams[SAFEGUARDING].add_member(gus, stage.users["dsl"])
    await quiet(stage)
    reference = await stage.reports("teacher", UNSURE, {"targets": ["Bryn Marsh"], "what": WHAT})
    await stage.expects("dsl", reference)
    await stage.never("dsl", reference, SAFEGUARDING)
    other = await grooming(stage)
    await stage.expects("dsl", other, channel=SAFEGUARDING)


async def test_a_channel_that_only_staff_read_shows_what_excludes_others(stage: TeamsStage) -> None:
    """The other side of it: known readers, none of them named, and the channel has the alert."""
    await quiet(stage)
    reference = await stage.reports("teacher", UNSURE, {"targets": ["Bryn Marsh"], "what": WHAT})
    await stage.expects("dsl", reference, "Nobody has acknowledged", channel=SAFEGUARDING)


async def test_who_joins_later_does_not_see_what_was_shown(on_both: TeamsStage) -> None:
    """A card about them stands in the channel; taken into the team, they find it withdrawn."""
    stage, head = on_both, on_both.users["brunel head"]
    await quiet(stage)
    reference = await stage.reports("teacher", UNSURE, {"targets": ["Bryn Marsh"], "what": WHAT})
    await stage.expects("dsl", reference, "Nobody has acknowledged", channel=SAFEGUARDING)
    await stage.teams[SAFEGUARDING].add_member(head, stage.users["dsl"])
    await quiet(stage)
    shown_now = [m for m in stage.sees("brunel head", SAFEGUARDING) if reference in m]
    assert not [m for m in shown_now if "Nobody has acknowledged" in m or "Grooming" in m]


async def test_who_joins_while_an_alert_is_on_its_way_does_not_see_it(on_both: TeamsStage) -> None:
    """Teams is slow to take the alert, and meanwhile somebody is taken into the team whom it shuts out: it is withdrawn."""
    stage, head = on_both, on_both.users["brunel head"]
    await quiet(stage)
    stage.fake.delay = 0.8
    reference = await stage.reports("teacher", UNSURE, {"targets": ["Bryn Marsh"], "what": WHAT})
    await stage.fake.until(lambda: stage.fake.running_calls >= 3, "the alert is on its way")
    await stage.teams[SAFEGUARDING].add_member(head, stage.users["dsl"])
    await quiet(stage)
    shown_now = [m for m in stage.sees("brunel head", SAFEGUARDING) if reference in m]
    assert not [m for m in shown_now if "Nobody has acknowledged" in m or "Grooming" in m]


@pytest.mark.parametrize("status", [403, 404, 429, 500])
async def test_readers_that_cannot_be_looked_up_are_not_known(stage: TeamsStage, status: int) -> None:
    """Somebody joined and Teams does not say who: the channel is avoided by what shuts anybody out, and by nothing else."""
    await quiet(stage)
    stage.fake.fail(30, status, of=["pagedmembers", "members"])
    await stage.teams[SAFEGUARDING].add_member(stage.users["it"], stage.users["dsl"])
    await quiet(stage)
    reference = await stage.reports("teacher", UNSURE, {"targets": ["Bryn Marsh"], "what": WHAT})
    await stage.expects("dsl", reference)
    await stage.never("dsl", reference, SAFEGUARDING)
    await stage.expects("dsl", await grooming(stage), channel=SAFEGUARDING)


async def test_a_look_that_began_before_somebody_joined_does_not_count_after(stage: TeamsStage) -> None:
    """Two look-ups overlap, and the older answer comes last: the newcomer is still known to read the channel."""
    it, head, dsl = stage.users["it"], stage.users["brunel head"], stage.users["dsl"]
    await quiet(stage)
    stage.fake.slow["pagedmembers"] = 0.3
    await stage.teams[SAFEGUARDING].add_member(it, dsl)
    await stage.fake.until(lambda: stage.fake.running_calls, "the first look began")
    await asyncio.sleep(0.35)
    stage.fake.slow.clear()
    await stage.teams[SAFEGUARDING].add_member(head, dsl)
    await quiet(stage)
    school = next(iter(stage.bot.schools.values()))
    address = Address(Platform.TEAMS, AddressKind.CHANNEL, stage.channel_id(SAFEGUARDING))
    async with Store(stage.bot.database).transaction(school, write=False) as records:
        readers = (await records.readers(stage.clock.now() - timedelta(days=1))).get(address)
        bryn = (await records.staff()).by_email("b.marsh@demo.example")
    assert bryn is not None
    assert readers is None or bryn.id in readers


async def test_a_team_of_many_is_read_to_its_last_page(stage: TeamsStage) -> None:
    """The one who is named is the last of 60 members: the channel is avoided."""
    await quiet(stage)
    stage.fake.page_bounds, stage.fake.page_size = (1, 20), 20
    lines = [f"Member No{n},member{n}@demo.example," for n in range(60)]
    await staff_list(stage, *lines)
    members = stage.teams[SAFEGUARDING].roster.members
    members += [stage.fake.add_user(f"Member No{n}", f"member{n}@demo.example").id for n in range(60)]
    await stage.teams[SAFEGUARDING].add_member(stage.users["brunel head"], stage.users["dsl"])
    await quiet(stage)
    reference = await stage.reports("teacher", UNSURE, {"targets": ["Bryn Marsh"], "what": WHAT})
    await stage.expects("dsl", reference)
    await stage.never("dsl", reference, SAFEGUARDING)
    other = await stage.reports("teacher", UNSURE, {"targets": ["Kit Devlin"], "what": WHAT})
    await stage.expects("dsl", other, channel=SAFEGUARDING)


# What is written down


async def test_nothing_that_was_typed_is_in_the_log(on_both: TeamsStage, caplog: pytest.LogCaptureFixture) -> None:
    """Names and narrative stand in the records alone, even when everything goes wrong."""
    stage = on_both
    await quiet(stage)
    caplog.set_level(logging.DEBUG)
    stage.fake.fail(4, 400, "BadSyntax")
    stage.fake.fail(4, 500)
    await grooming(stage, targets=["Bea Exemplar", "Somebody Unlisted"])
    await stage.settled()
    await stage.users["teacher"].say("report that Bea Exemplar is sad")
    await quiet(stage)
    ours = [r for r in caplog.records if r.name.startswith("esafety")]
    written = "\n".join(logging.Formatter().format(r) for r in ours)
    for secret in ("Bea", "Exemplar", "Unlisted", WHAT, "demo.example", "Okafor", "Whitlock"):
        assert secret not in written, secret


def shown(answer: Dialog | str) -> str:
    """What was shown, in a dialog or in a message."""
    return answer.shown if isinstance(answer, Dialog) else answer
