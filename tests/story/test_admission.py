"""Who is let in: members, and a guest whom the school file names. Nobody else, however their account looks."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from cards import pages
from cards.messages import DETAILS
from storage import tables as t
from tests.fakes.clock import FakeClock
from tests.fakes.slack_server import ServerError
from tests.story.slack_stage import SlackStage, slack_stage
from tests.story.stage import Stage
from tests.story.teams_stage import TeamsStage, teams_stage
from tests.story.test_story import BULLYING, STORY, shown

REFUSED = "I serve the staff of"
IN_DOUBT, NOT_YOU = "does not confirm just now whose account this is", "Only the people who were asked"
GROOMING = {**BULLYING, "concern": "grooming"}
ABOUT_HEAD = {**BULLYING, "concern": "staff_conduct", "about": "headteacher"}
CHATS: dict[str, Callable[..., AbstractAsyncContextManager[Stage]]] = {"slack": slack_stage, "teams": teams_stage}


@pytest_asyncio.fixture
async def slack(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[SlackStage]:
    """The demo school in Slack."""
    async with slack_stage(database_url, tmp_path, clock) as stage:
        yield stage


@pytest.mark.parametrize("how", [{"guest": True}, {"deactivated": True}, {"is_bot": True}, {"team": "T0ELSEWHERE"}])
async def test_whoever_is_no_member_is_refused_everything(slack: SlackStage, how: dict[str, object]) -> None:
    """A guest, a deactivated user, a bot and a stranger of another workspace, each with the safeguarding lead's own address."""
    reference = await slack.reports("teacher", GROOMING, {"what": STORY})
    await slack.expects("dsl", reference)
    for name, value in how.items():
        setattr(slack.slack.people[slack.users["dsl"].id], name, value)
    slack.clock.advance(hours=25)
    for command in ("report", "queue", "mine", f"case {reference}", "ask can I friend a pupil"):
        answer = shown(await slack.command("dsl", command))
        assert REFUSED in answer, command
        assert reference not in answer
    for label in ("Acknowledge", "Details"):
        assert REFUSED in shown(await slack.press("dsl", label, reference))
    assert reference in shown(await slack.command("deputy", "queue"))


@pytest.mark.parametrize("chat", CHATS)
async def test_a_guest_whom_the_school_file_names_is_let_in(
    chat: str, database_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    """The chair of governors is a guest. Named by the account's id they are alerted and read the case."""
    async with CHATS[chat](database_url, tmp_path, clock, guests=["chair"], bound=["chair"]) as stage:
        reference = await stage.reports("teacher", ABOUT_HEAD, {"what": STORY, "perpetrators": ["Helen Pemberton"]})
        await stage.expects("chair", reference)
        case = await stage.press("chair", "Details", reference)
        assert STORY in shown(case)
        assert reference in shown(await stage.command("chair", "queue"))


@pytest.mark.parametrize("chat", CHATS)
async def test_a_guest_whom_it_does_not_name_is_neither_alerted_nor_let_in(
    chat: str, database_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    """The chair's guest account is not named, though its address is on the list: an address is what a guest says it is."""
    async with CHATS[chat](database_url, tmp_path, clock, guests=["chair"]) as stage:
        reference = await stage.reports("teacher", ABOUT_HEAD, {"what": STORY, "perpetrators": ["Helen Pemberton"]})
        await stage.never("chair", reference)
        assert REFUSED in shown(await stage.command("chair", "queue"))


async def test_when_slack_does_not_say_who_somebody_is_a_report_counts_and_nothing_is_shown(slack: SlackStage) -> None:
    """Slack has trouble: a report is taken; the headteacher, of whom it has said nothing yet, is offered no case."""
    slack.slack.next_calls("users.info", 1000, ServerError())
    reference = await slack.reports("teacher", GROOMING, {"what": STORY})
    for command in (f"case {reference}", "case CSS-2026-0999", "queue", "records", "gaps"):
        answer = shown(await slack.command("headteacher", command))
        assert IN_DOUBT in answer, command
        assert "Phone now" in answer
    assert reference in shown(await slack.command("teacher", "mine"))
    slack.slack.no_more_faults()
    assert "is not with you" in shown(await slack.command("headteacher", f"case {reference}"))


def looked_up(slack: SlackStage, who: str) -> int:
    """How often Slack was asked who somebody is."""
    return sum(c.method == "users.info" and c.arguments["user"] == slack.users[who].id for c in slack.slack.calls)


@pytest.mark.parametrize("how", [{"guest": True}, {"deactivated": True}, {"email": "left@elsewhere.example"}])
async def test_whoever_is_no_longer_who_they_were_reads_on_for_a_quarter_of_an_hour(
    slack: SlackStage, how: dict[str, object]
) -> None:
    """The lead's account is made a guest's, deactivated, or given another address, after they read a case."""
    reference = await slack.reports("teacher", GROOMING, {"what": STORY})
    await slack.expects("dsl", reference)
    assert STORY in shown(await slack.press("dsl", "Details", reference))
    for name, value in how.items():
        setattr(slack.slack.people[slack.users["dsl"].id], name, value)
    slack.clock.advance(minutes=16)
    for answer in (await slack.press("dsl", "Details", reference), await slack.command("dsl", "queue")):
        assert STORY not in shown(answer)
        assert reference not in shown(answer)


CHANGES: list[dict[str, object]] = [{"guest": True}, {"deactivated": True}, {"email": "left@elsewhere.example"}]


@pytest.mark.parametrize("how", CHANGES)
async def test_where_slack_says_so_nobody_reads_on_for_a_moment(slack: SlackStage, how: dict[str, object]) -> None:
    """Told of the change, the bot asks at once: not a minute later the lead is shown nothing, and is no reader of a channel."""
    reference = await slack.reports("teacher", GROOMING, {"what": STORY})
    await slack.expects("dsl", reference)
    assert STORY in shown(await slack.press("dsl", "Details", reference))
    await slack.users["dsl"].changes(**how)
    await slack.slack.until(lambda: looked_up(slack, "dsl") > 1, "Slack is asked who that is now")
    await slack.settled()
    for answer in (await slack.press("dsl", "Details", reference), await slack.command("dsl", "queue")):
        assert STORY not in shown(answer)
        assert reference not in shown(answer)


async def test_while_slack_is_silent_after_it_said_so_nothing_is_shown(slack: SlackStage) -> None:
    """What it said before does not serve for another hour."""
    reference = await slack.reports("teacher", GROOMING, {"what": STORY})
    await slack.expects("dsl", reference)
    assert STORY in shown(await slack.press("dsl", "Details", reference))
    before = looked_up(slack, "dsl")
    slack.slack.next_calls("users.info", 1000, ServerError())
    await slack.users["dsl"].changes(deactivated=True)
    await slack.slack.until(lambda: looked_up(slack, "dsl") > before, "Slack is asked who that is now")
    assert IN_DOUBT in shown(await slack.press("dsl", "Details", reference))
    slack.slack.no_more_faults()
    assert REFUSED in shown(await slack.press("dsl", "Details", reference))


async def test_a_new_photograph_costs_nothing(slack: SlackStage) -> None:
    """Nor does anything of a user whom the bot has not met; and what comes a second time does nothing."""
    await slack.reports("teacher", GROOMING, {"what": STORY})
    await slack.settled()
    before = len(slack.slack.calls)
    await slack.users["teacher"].changes()
    await slack.slack.add_user("Nova Newcomer", "n.newcomer@demo.example").changes(deactivated=True)
    await next(f for f in slack.bot.stopping.finishers)()
    assert [c.method for c in slack.slack.calls[before:] if c.method == "users.info"] == []
    await slack.users["teacher"].changes(guest=True)
    await slack.slack.until(lambda: looked_up(slack, "teacher") > 1, "Slack is asked who that is now")
    slack.slack.people[slack.users["teacher"].id].guest = False
    asked = looked_up(slack, "teacher")
    await slack.slack.send_again()
    await next(f for f in slack.bot.stopping.finishers)()
    assert looked_up(slack, "teacher") == asked


async def test_to_show_a_case_slack_is_asked_every_quarter_of_an_hour_and_to_report_once_a_day(slack: SlackStage) -> None:
    """Whoever only reports and asks the policy costs no more than one look-up a day."""
    reference = await slack.reports("dsl", GROOMING, {"what": STORY})
    await slack.expects("dsl", reference)
    before = looked_up(slack, "dsl")
    for _ in range(3):
        slack.clock.advance(hours=2)
        await slack.command("dsl", "report")
        await slack.command("dsl", "ask can I friend a pupil")
    assert looked_up(slack, "dsl") == before
    for _ in range(3):
        slack.clock.advance(minutes=4)
        await slack.command("dsl", "queue")
        await slack.command("dsl", f"case {reference}")
    assert looked_up(slack, "dsl") == before + 1


async def test_while_slack_is_silent_the_lead_reads_on_for_an_hour(slack: SlackStage) -> None:
    """After that nobody is sure who they are: nothing is shown, and what they report is kept."""
    reference = await slack.reports("teacher", GROOMING, {"what": STORY})
    await slack.expects("dsl", reference)
    assert STORY in shown(await slack.press("dsl", "Details", reference))
    slack.slack.next_calls("users.info", 1000, ServerError())
    slack.clock.advance(minutes=40)
    assert STORY in shown(await slack.press("dsl", "Details", reference))
    slack.clock.advance(minutes=21)
    for label in ("Details", "Acknowledge"):
        answer = shown(await slack.press("dsl", label, reference))
        assert IN_DOUBT in answer
        assert NOT_YOU not in answer
    assert IN_DOUBT in shown(await slack.command("dsl", "queue"))
    assert await slack.reports("dsl", GROOMING, {"what": STORY})
    slack.slack.no_more_faults()
    assert STORY in shown(await slack.press("dsl", "Details", reference))


async def test_in_teams_too(database_url: str, tmp_path: Path, clock: FakeClock) -> None:
    """The lead's account is made a guest's; before that, Teams says nothing for a while."""
    async with teams_stage(database_url, tmp_path, clock) as stage:
        reference = await stage.reports("teacher", GROOMING, {"what": STORY})
        await stage.expects("dsl", reference)
        assert STORY in shown(await stage.press("dsl", "Details", reference))
        stage.fake.fail(1000, of=("member", "members", "pagedmembers"))
        clock.advance(minutes=40)
        assert STORY in shown(await stage.press("dsl", "Details", reference))
        clock.advance(minutes=21)
        assert IN_DOUBT in shown(await stage.press("dsl", "Details", reference))
        assert IN_DOUBT in shown(await stage.command("dsl", "queue"))
        assert await stage.reports("dsl", GROOMING, {"what": STORY})
        stage.fake.no_more_faults()
        assert STORY in shown(await stage.press("dsl", "Details", reference))
        stage.fake.people[stage.users["dsl"].id].guest = True
        clock.advance(minutes=16)
        assert REFUSED in shown(await stage.press("dsl", "Details", reference))
        assert REFUSED in shown(await stage.command("dsl", "queue"))


@pytest_asyncio.fixture
async def teams(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[TeamsStage]:
    """The demo school in Teams."""
    async with teams_stage(database_url, tmp_path, clock) as stage:
        yield stage


async def of_the_extension(teams: TeamsStage, who: str, name: str, value: Mapping[str, object]) -> str:
    """What the message extension answers somebody whose client sends what it likes."""
    user = teams.users[who]
    reply = await teams.fake.deliver(user.activity("invoke", user.chat, name=f"composeExtension/{name}", value=value))
    assert reply.status == 200
    return reply.body


async def test_no_way_into_a_case_is_less_sure_who_somebody_is(teams: TeamsStage) -> None:
    """The lead's account is made a guest's. Beginning a report, which needs nobody to be sure, is no way round to a case."""
    reference = await teams.reports("teacher", GROOMING, {"what": STORY})
    await teams.expects("dsl", reference)
    assert STORY in shown(await teams.press("dsl", "Details", reference))
    async with teams.bot.database.begin(write=False) as connection:
        (case,) = (await connection.execute(select(t.incidents.c.id, t.incidents.c.school))).all()
    data = {"action": pages.IN_SCHOOL, "value": f"{case.school}|{DETAILS}|{case.id}"}
    teams.users["dsl"].person.guest = True
    teams.clock.advance(minutes=16)
    answer = await of_the_extension(teams, "dsl", "fetchTask", {"commandId": "report", "data": data})
    assert STORY not in answer
    assert reference not in answer


async def test_a_guest_is_told_no_rule_while_they_type(database_url: str, tmp_path: Path, clock: FakeClock) -> None:
    """The message extension answers whoever is let in, and nobody else: the same as when they ask the bot itself."""
    async with teams_stage(database_url, tmp_path, clock, guests=["chair"]) as stage:
        typed = {"commandId": "ask", "parameters": [{"name": "question", "value": "Can I friend an ex-pupil?"}]}
        assert REFUSED in shown(await stage.command("chair", "ask Can I friend an ex-pupil?"))
        assert "former pupil" in await of_the_extension(stage, "teacher", "query", typed)
        assert "former pupil" not in await of_the_extension(stage, "chair", "query", typed)
