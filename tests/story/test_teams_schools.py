"""Several schools on one bot: in one tenant of Teams, where it must be told whose somebody is, and in a tenant each."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings
from bot.wiring import running
from cards import messages, pages, report_form
from cards.adaptive import SUBMIT
from domain.people import Kind
from storage import tables as t
from storage.people_files import carry_out, plan_import, read_people
from storage.store import Store
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock
from tests.fakes.teams_model import OpenDialog, Reply
from tests.fakes.teams_server import FakeTeams
from tests.fakes.teams_user import TeamsUser
from tests.story.both_stage import at_rest

SODBURY, YATE = "chipping-sodbury", "yate"
NAMES = {SODBURY: "Chipping Sodbury School (demo)", YATE: "Yate School"}
WHAT = "He keeps asking her for pictures"
GROOMING = {"concern": "grooming", "about": "pupil", "danger": "no"}
WHICH = "by the staff lists which one you mean"
NOT_YOURS = "Only the people who were asked"

STAFF = {
    SODBURY: {"dsl": "d.okafor@demo.example", "teacher": "t.whitlock@demo.example", "both": "p.patel@demo.example"},
    YATE: {"yate dsl": "y.lead@yate.example", "yate teacher": "y.tutor@yate.example", "both": "p.patel@demo.example"},
}
CALLED = {
    "dsl": "Dana Okafor", "teacher": "Tess Whitlock", "both": "Pia Patel", "nobody": "Sam Supply",
    "yate dsl": "Yves Lead", "yate teacher": "Yara Tutor",
}  # fmt: skip


@dataclass
class Trust:
    """Two schools on one bot."""

    bot: Bot
    clock: FakeClock
    fakes: Mapping[str, FakeTeams]
    users: Mapping[str, TeamsUser]
    channels: Mapping[str, str]

    async def reports(self, who: str, dialog: OpenDialog | None) -> str:
        """Fills both screens in; what is shown then."""
        user = self.users[who]
        assert dialog is not None
        await user.fill(dialog, GROOMING)
        await user.submit(dialog)
        await user.fill(dialog, {"what": WHAT, "illegal": "no"})
        await user.submit(dialog)
        assert user.dialog is not None
        return user.dialog.shown

    async def incidents(self) -> dict[str, str]:
        """The id of each case by its reference."""
        async with self.bot.database.begin(write=False) as connection:
            return {row.reference: str(row.id) for row in await connection.execute(t.incidents.select())}

    async def only_case(self, prefix: str) -> str:
        """The id of the one case of a school."""
        (found,) = (id_ for reference, id_ in (await self.incidents()).items() if reference.startswith(prefix))
        return found

    async def sees(self, who: str, words: str, after: int = 0) -> str:
        """The newest message to somebody that says so, once there is one."""
        self.bot.worker.bell.set()
        return (await self.users[who].waits_for_message(words, after=after)).shown_to(self.users[who].id)


def write_files(folder: Path, school: str, fake: FakeTeams, channel: str, tenant: str) -> None:
    """The file of a school and its staff list."""
    found = yaml.safe_load((DEMO_SCHOOLS / "chipping-sodbury.yaml").read_text())
    leads = {"dsl": [STAFF[school]["dsl" if school == SODBURY else "yate dsl"]]}
    found["name"] = NAMES[school]
    found["prefix"] = "CSS" if school == SODBURY else "YTE"
    found["roles"] = {**leads, "headteacher": [f"head@{school}.example"]}
    found["phones"] = {"dsl": "01454 555 0101" if school == SODBURY else "01454 555 0999"}
    found["channels"] = {"teams": {"dsl": channel}} if channel else {}
    if tenant:
        found["teams_tenant"] = tenant
    folder.mkdir(exist_ok=True)
    (folder / f"{school}.yaml").write_text(yaml.safe_dump(found))
    lines = [f"{CALLED[who]},{email}," for who, email in STAFF[school].items()]
    (folder / f"{school}.csv").write_text("\n".join(["name,email,line_manager", *lines]))


@asynccontextmanager
async def trust(tmp_path: Path, clock: FakeClock, fakes: Mapping[str, FakeTeams], **more: object) -> AsyncIterator[Trust]:
    """The bot for two schools, each in the Teams given for it, which may be the same."""
    folder = tmp_path / "schools"
    one = fakes[SODBURY] is fakes[YATE]
    users: dict[str, TeamsUser] = {}
    channels = {}
    for school, fake in fakes.items():
        emails = {**STAFF[school], **({"nobody": "sam@agency.example"} if school == SODBURY else {})}
        users |= {who: fake.add_user(CALLED[who], email) for who, email in emails.items() if who not in users}
        lead = users["dsl" if school == SODBURY else "yate dsl"]
        others = [users[who] for who in ("both", "nobody") if who in users] if one else []
        team = fake.add_team(f"Safeguarding {school}", [lead, *others], ["safeguarding"])
        channels[school] = team.channels["safeguarding"]
        write_files(folder, school, fake, channels[school], "" if one or "MICROSOFT_APP_TYPE" in more else fake.tenant)
    fake = fakes[SODBURY]
    given: dict[str, object] = {
        "ESAFETY_CONSOLE": ConsoleMode.OFF,
        "ESAFETY_DATABASE_URL": sqlite_at(tmp_path / "trust.db"),
        "ESAFETY_SCHOOLS": folder,
        "PORT": 0,
    }
    async with running(Settings.model_validate({**fake.settings, **given, **more}), clock) as bot:
        bot.worker.idle = 0.02
        for served in bot.schools.values():
            async with Store(bot.database).transaction(served) as records:
                listed = read_people(folder / f"{served.id}.csv", Kind.STAFF)
                await carry_out(records, await plan_import(records, Kind.STAFF, listed), clock.now())
        for one_fake in set(fakes.values()):
            one_fake.bot_url = f"{bot.address}/api/messages"
            for user in users.values():
                if user.teams is one_fake:
                    await user.install()
            for roster in one_fake.teams.values():
                roster.installed = True
                by = next(u for u in users.values() if u.id in roster.members)
                place = one_fake.conversations[roster.id]
                added = by.activity("conversationUpdate", place, membersAdded=[one_fake.bot])
                await by.send(added)
        for user in users.values():
            await user.waits_for_message("I take reports")
        await at_rest(bot, clock)
        yield Trust(bot, clock, fakes, users, channels)
        await at_rest(bot, clock)


@pytest_asyncio.fixture
async def one_tenant(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Trust]:
    """Two schools of one trust, in one tenant."""
    async with FakeTeams() as fake, trust(tmp_path, clock, {SODBURY: fake, YATE: fake}) as found:
        yield found


@pytest_asyncio.fixture
async def two_tenants(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Trust]:
    """Two schools with a tenant each, served by one old bot of many tenants."""
    async with FakeTeams() as fake, FakeTeams(app_id=fake.app_id) as other:
        # One Microsoft for both: the same keys, the same login, the same service.
        other.accept_tokens_of(fake)
        async with trust(tmp_path, clock, {SODBURY: fake, YATE: other}) as found:
            yield found


async def invoke(user: TeamsUser, name: str, data: Any, where: str = "") -> Reply:
    """What a client would send if it did not keep to the card it was given; the bot's answer."""
    value = (
        {"action": {"type": "Action.Execute", "verb": "x", "data": data}} if name == "adaptiveCard/action" else {"data": data}
    )
    place = user.teams.conversation(where) if where else user.chat
    return await user.teams.deliver(user.activity("invoke", place, name=name, value=value))


# One tenant


async def test_the_staff_of_each_school_report_to_theirs(one_tenant: Trust) -> None:
    """Nobody who is on one list is asked: the reference, the lead and the channel are those of their own school."""
    for who, lead, other, prefix in (("teacher", "dsl", "yate dsl", "CSS"), ("yate teacher", "yate dsl", "dsl", "YTE")):
        receipt = await one_tenant.reports(who, await one_tenant.users[who].use_command("report"))
        assert f"{prefix}-2026-" in receipt
        await one_tenant.sees(lead, f"{prefix}-2026-")
        assert f"{prefix}-2026" not in one_tenant.users[other].everything_seen
    for school, lead, prefix in ((SODBURY, "dsl", "CSS"), (YATE, "yate dsl", "YTE")):
        fake, channel = one_tenant.fakes[school], one_tenant.channels[school]
        await one_tenant.users[lead].waits_for_message(f"{prefix}-2026-", where=channel)
        seen = [m.shown for m in fake.messages_in(channel) if re.search(r"(CSS|YTE)-2026-", m.shown)]
        assert len(seen) == 1


@pytest.mark.parametrize("who", ["both", "nobody"])
async def test_whoever_is_on_both_lists_or_none_is_asked_which_school(one_tenant: Trust, who: str) -> None:
    """In the dialog of the command they choose, go on to the form there, and the right lead is alerted."""
    user = one_tenant.users[who]
    dialog = await user.use_command("report")
    assert dialog is not None
    assert WHICH in dialog.shown
    await user.press(dialog, NAMES[YATE])
    assert "YTE-2026-" in await one_tenant.reports(who, user.dialog)
    await one_tenant.sees("yate dsl", "YTE-2026-")
    assert "-2026-" not in one_tenant.users["dsl"].everything_seen


async def test_a_guest_of_the_trust_is_refused_and_nothing_they_ask_is_kept(one_tenant: Trust) -> None:
    """Whose they are nobody asks, since they are nobody's: they are not told which schools there are, nor is a word kept."""
    user = one_tenant.users["nobody"]
    user.person.guest = True
    one_tenant.clock.advance(hours=25)
    for number, asked in enumerate(("Can I friend a pupil on Instagram?", "queue")):
        await user.say(asked)
        await user.waits_for_message("I serve the staff of", after=number)
    assert WHICH not in user.everything_seen
    assert NAMES[SODBURY] not in user.everything_seen or NAMES[YATE] not in user.everything_seen
    async with one_tenant.bot.database.begin(write=False) as connection:
        assert (await connection.execute(t.asked.select())).all() == []


async def test_the_question_which_school_loses_no_link(one_tenant: Trust) -> None:
    """Begun at a message by somebody on both lists: the case still holds the message's address."""
    user = one_tenant.users["both"]
    team = user.teams.add_team("Year 8", [user], ["8c"])
    bad = user.teams.keep(user.teams.conversations[team.channels["8c"]], user.teams_id, {"text": "SECRETWORD"})
    dialog = await user.use_message_command("report_message", bad)
    assert dialog is not None
    await user.press(dialog, NAMES[YATE])
    assert "YTE-2026-" in await one_tenant.reports("both", user.dialog)
    incident = await one_tenant.only_case("YTE")
    data = {"action": messages.DETAILS, "value": incident, "school": YATE}
    case = await invoke(one_tenant.users["yate dsl"], "task/fetch", data)
    assert bad.id in case.body
    assert "SECRETWORD" not in case.body


@pytest.mark.parametrize(("words", "title"), [("queue", "My queue"), ("mine", "My reports")])
async def test_a_list_asked_for_by_word_is_shown_after_the_choice(one_tenant: Trust, words: str, title: str) -> None:
    """«queue» and «mine» of somebody on both lists: the question with buttons, and behind each that school's list."""
    user = one_tenant.users["both"]
    dialog = await user.use_command("report")
    assert dialog is not None
    await user.press(dialog, NAMES[YATE])
    await one_tenant.reports("both", user.dialog)
    user.dismiss()
    await user.say(words)
    question = await user.waits_for_message(WHICH)
    await user.press(question, NAMES[YATE])
    assert title in question.shown_to(user.id)
    assert ("YTE-2026-" if words == "mine" else "not been asked to answer") in question.shown_to(user.id)


@pytest.mark.parametrize("label", ["My queue", "My reports"])
async def test_a_list_asked_for_by_button_is_shown_after_the_choice(one_tenant: Trust, label: str) -> None:
    """The same from the buttons of the welcome card: there must be something to choose with."""
    user = one_tenant.users["both"]
    welcome = await user.waits_for_message("I take reports")
    await user.press(welcome, label)
    offered = [b for m in user.from_bot for b in m.buttons_for(user.id)] + (user.dialog.buttons if user.dialog else [])
    assert NAMES[YATE] in offered


async def test_the_word_report_leads_to_the_question(one_tenant: Trust) -> None:
    """The button under it opens the question, not the first school's form."""
    user = one_tenant.users["both"]
    await user.say("report")
    offer = await user.waits_for_message("Two short screens")
    await user.press(offer, "Start a report")
    assert user.dialog is not None
    assert WHICH in user.dialog.shown


@pytest.mark.parametrize("who", ["both", "nobody"])
async def test_no_other_word_decides_the_school_for_somebody(one_tenant: Trust, who: str) -> None:
    """Help and offers for somebody whose school is not known carry no school: else the report goes to the first one's lead."""
    user = one_tenant.users[who]
    for typed in ("hello", "I want to report a boy", "reprot"):
        before = len(user.from_bot)
        await user.say(typed)
        answer = await user.waits_for_message("", after=before)
        await user.press(answer, "Start a report" if "Start a report" in answer.buttons else "Report a concern")
        assert user.dialog is not None
        assert WHICH in user.dialog.shown, typed


@pytest.mark.parametrize("typed", ["", "help"])
async def test_nobody_is_shown_the_phone_numbers_of_a_school_that_may_not_be_theirs(one_tenant: Trust, typed: str) -> None:
    """In the welcome and in help: both schools' numbers or none, for whoever may be of either."""
    user = one_tenant.users["both"]
    if typed:
        await user.say(typed)
        await user.waits_for_message("How can I help")
    assert ("01454 555 0101" in user.everything_seen) == ("01454 555 0999" in user.everything_seen)


async def test_an_alerts_button_is_about_its_own_school_whoever_presses(one_tenant: Trust) -> None:
    """The lead of the other school, somebody on both lists and somebody on none: refused, and not asked which school."""
    receipt = await one_tenant.reports("yate teacher", await one_tenant.users["yate teacher"].use_command("report"))
    assert "YTE-2026-" in receipt
    place = one_tenant.channels[YATE]
    card = await one_tenant.users["yate dsl"].waits_for_message("YTE-2026-", where=place)
    for who in ("both", "nobody"):
        user = one_tenant.users[who]
        await user.press(card, "Details")
        assert user.dialog is not None
        assert NOT_YOURS in user.dialog.shown
        await user.press(card, "Acknowledge")
        assert NOT_YOURS in user.notes[-1]
    await one_tenant.users["yate dsl"].press(card, "Acknowledge")
    await one_tenant.sees("yate dsl", "Acknowledged by Yves Lead")


async def test_a_channel_decides_the_school(one_tenant: Trust) -> None:
    """Somebody on both lists who mentions the bot in one school's channel means that school."""
    user = one_tenant.users["both"]
    place = one_tenant.channels[YATE]
    await user.say("report", place, mention=True)
    offer = await user.waits_for_message("Two short screens", where=place)
    await user.press(offer, "Start a report")
    assert "YTE-2026-" in await one_tenant.reports("both", user.dialog)


async def test_a_case_is_reached_by_its_own_school_alone(one_tenant: Trust) -> None:
    """The lead of one school, with the other school's ids, or with its name on their own: nothing of it is shown."""
    receipt = await one_tenant.reports("yate teacher", await one_tenant.users["yate teacher"].use_command("report"))
    assert "YTE-2026-" in receipt
    incident = await one_tenant.only_case("YTE")
    async with one_tenant.bot.database.begin(write=False) as connection:
        alert = str((await connection.execute(t.alerts.select())).one().id)
    dsl = one_tenant.users["dsl"]
    for school in (SODBURY, YATE, "", "nowhere"):
        for action in (messages.DETAILS, messages.ACKNOWLEDGE, messages.HAND_ON, messages.CLOSE):
            for value in (incident, alert):
                for data in (
                    {"action": action, "value": value, "school": school},
                    {"action": pages.IN_SCHOOL, "value": f"{school}|{action}|{value}"},
                ):
                    for name in ("task/fetch", "adaptiveCard/action", "task/submit"):
                        reply = await invoke(dsl, name, data)
                        assert reply.status == 200
                        assert WHAT not in reply.body
                        assert "YTE-2026" not in reply.body
    assert "Nobody has acknowledged" in await one_tenant.sees("yate dsl", "YTE-2026-")


async def test_the_same_form_is_not_sent_to_another_school(one_tenant: Trust) -> None:
    """The first screen at one school and the second with the other's name on it: no report is made there."""
    user = one_tenant.users["both"]
    dialog = await user.use_command("report")
    assert dialog is not None
    await user.press(dialog, NAMES[YATE])
    await user.fill(user.dialog, GROOMING)
    await user.submit()
    assert user.dialog is not None
    state = user.dialog.card["actions"][0]["data"]["state"]
    sent = {"action": SUBMIT, "dialog": report_form.DETAIL, "state": state, "what": WHAT, "illegal": "no", "school": SODBURY}
    reply = await invoke(user, "task/submit", sent)
    assert reply.status == 200
    assert WHAT in reply.body
    assert await one_tenant.incidents() == {}
    assert "YTE-2026-" in json.dumps((await invoke(user, "task/submit", {**sent, "school": YATE})).json)


# A tenant each


async def test_each_tenant_has_its_own_school(two_tenants: Trust) -> None:
    """Nobody is asked which: somebody on both lists means the school of the Teams they are in, as does somebody on none."""
    for who, prefix in (("teacher", "CSS"), ("nobody", "CSS"), ("both", "CSS"), ("yate teacher", "YTE")):
        assert f"{prefix}-2026" in await two_tenants.reports(who, await two_tenants.users[who].use_command("report"))
    for reference in await two_tenants.incidents():
        await two_tenants.sees("dsl" if reference.startswith("CSS") else "yate dsl", reference)
    assert "YTE" not in two_tenants.users["dsl"].everything_seen
    assert "CSS" not in two_tenants.users["yate dsl"].everything_seen


async def test_nobody_reaches_the_school_of_another_tenant(two_tenants: Trust) -> None:
    """Not with its name on a button, in the question which school, in a search or in a form."""
    assert "YTE" in await two_tenants.reports("yate teacher", await two_tenants.users["yate teacher"].use_command("report"))
    incident = await two_tenants.only_case("YTE")
    impostor = two_tenants.fakes[SODBURY].add_user("Yves Lead", "y.lead@yate.example")
    for user in (two_tenants.users["dsl"], impostor):
        for data in (
            {"action": messages.DETAILS, "value": incident, "school": YATE},
            {"action": pages.IN_SCHOOL, "value": f"{YATE}|{messages.DETAILS}|{incident}"},
            {"action": pages.IN_SCHOOL, "value": f"{YATE}|{pages.SHOW_QUEUE}|"},
            {"action": pages.SHOW_QUEUE, "school": YATE},
            {"action": pages.REPORT, "school": YATE},
        ):
            for name in ("task/fetch", "adaptiveCard/action", "task/submit"):
                reply = await invoke(user, name, data)
                assert reply.status == 200
                for secret in (WHAT, "YTE", NAMES[YATE], f'"school": "{YATE}"', "Yves Lead"):
                    assert secret not in reply.body, (data, name)
        search = {"dataset": f"people:{YATE}", "queryText": "Yara"}
        asked = user.activity("invoke", user.chat, name="application/search", value=search)
        assert "Yara Tutor" not in (await user.teams.deliver(asked)).body


async def test_a_school_without_a_tenant_is_in_nobodys_teams(tmp_path: Path, clock: FakeClock) -> None:
    """A bot of many tenants that also serves a school on Slack alone: that school is offered to nobody in Teams."""
    async with FakeTeams() as fake:
        more = {"MICROSOFT_APP_TYPE": "MultiTenant", "MICROSOFT_APP_TENANT_ID": ""}
        folder = tmp_path / "schools"
        write_files(folder, SODBURY, fake, "19:x@thread.tacv2", fake.tenant)
        write_files(folder, YATE, fake, "", "")
        given = {"ESAFETY_CONSOLE": ConsoleMode.OFF, "ESAFETY_DATABASE_URL": sqlite_at(tmp_path / "x.db"), "PORT": 0}
        settings = Settings.model_validate({**fake.settings, **given, "ESAFETY_SCHOOLS": folder, **more})
        async with running(settings, clock) as bot:
            fake.bot_url = f"{bot.address}/api/messages"
            user = fake.add_user("Sam Supply", "sam@agency.example")
            user.chat.own_app = True
            dialog = await user.use_command("report")
            assert dialog is not None
            assert NAMES[YATE] not in dialog.shown
