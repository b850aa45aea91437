"""Slack and Teams on one bot: a school in the middle of a move, or one whose governors sit elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage import tables as t
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock
from tests.story.both_stage import Both, at_rest, both_stage
from tests.story.stage import SAFEGUARDING, Dialog, Stage, Value

GROOMING: dict[str, Value] = {"concern": "grooming", "about": "pupil", "danger": "no"}
UNSURE: dict[str, Value] = {"concern": "grooming", "about": "unknown", "danger": "no"}
WHAT = "He keeps asking her for pictures"


@pytest_asyncio.fixture
async def both(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Both]:
    """The demo school in Slack and in Teams."""
    async with both_stage(sqlite_at(tmp_path / "both.db"), tmp_path, clock) as both:
        yield both


@pytest_asyncio.fixture
async def on_both(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Both]:
    """The same on each kind of database."""
    async with both_stage(database_url, tmp_path, clock) as both:
        yield both


def shown(answer: Dialog | str) -> str:
    return answer.shown if isinstance(answer, Dialog) else answer


def sides(both: Both, first: str) -> tuple[Stage, Stage]:
    """One platform and the other."""
    return (both.slack, both.teams) if first == "slack" else (both.teams, both.slack)


@pytest.mark.parametrize("first", ["slack", "teams"])
async def test_an_alert_stands_in_both_and_is_acknowledged_in_either(on_both: Both, first: str) -> None:
    """Reported on the one, it is in the chats and channels of both; acknowledged there, every copy of both says so."""
    here, there = sides(on_both, first)
    reference = await there.reports("teacher", GROOMING, {"what": WHAT, "targets": ["Bea Exemplar"]})
    for stage in (here, there):
        await stage.expects("dsl", reference, "Nobody has acknowledged")
        await stage.expects("dsl", reference, "Nobody has acknowledged", channel=SAFEGUARDING)
    assert "yours now" in shown(await here.press("dsl", "Acknowledge", reference))
    for stage in (here, there):
        await stage.expects("dsl", reference, "Acknowledged by Dana Okafor")
        await stage.expects("deputy", reference, "Acknowledged by Dana Okafor", channel=SAFEGUARDING)
    await there.expects("teacher", reference, "acknowledged your report")
    await here.never("teacher", reference)
    for stage in (here, there):
        for secret in ("Bea", "Exemplar", WHAT):
            assert secret not in stage.raw_chat()


@pytest.mark.parametrize("first", ["slack", "teams"])
async def test_a_second_acknowledgement_elsewhere_is_answered_kindly(both: Both, first: str) -> None:
    """The same person again, and the deputy, on the other platform with a card not yet changed: nothing changes there."""
    here, there = sides(both, first)
    reference = await here.reports("teacher", GROOMING, {"what": WHAT})
    for stage in (here, there):
        await stage.expects("dsl", reference)
        await stage.expects("dsl", reference, channel=SAFEGUARDING)
    async with both.bot.database.begin() as connection:
        d = t.deliveries.c
        await connection.execute(t.deliveries.delete().where(d.platform == there.platform, d.message == "alert"))
    await here.press("dsl", "Acknowledge", reference)
    await at_rest(both.bot, both.clock)
    assert "Nothing more is needed" in shown(await there.press("dsl", "Acknowledge", reference))
    assert "Dana Okafor acknowledged" in shown(await there.press("deputy", "Acknowledge", reference, channel=SAFEGUARDING))
    await here.expects("dsl", reference, "Acknowledged by Dana Okafor")


async def test_both_presses_at_once_make_one_owner(on_both: Both) -> None:
    """Pressed in Slack by the DSL and in Teams by the deputy in the same moment: one of them has it, and both hear who."""
    both = on_both
    reference = await both.teams.reports("teacher", GROOMING, {"what": WHAT})
    for stage in (both.slack, both.teams):
        await stage.expects("dsl", reference, channel=SAFEGUARDING)
    answers = await asyncio.gather(
        both.slack.press("dsl", "Acknowledge", reference, channel=SAFEGUARDING),
        both.teams.press("deputy", "Acknowledge", reference, channel=SAFEGUARDING),
    )
    won = ["yours now" in shown(answer) for answer in answers]
    assert sum(won) == 1
    owner = "Dana Okafor" if won[0] else "Maja Lindqvist"
    assert f"{owner} acknowledged" in shown(answers[1 if won[0] else 0])
    for stage in (both.slack, both.teams):
        await stage.expects("dsl", reference, f"Acknowledged by {owner}", channel=SAFEGUARDING)


async def test_one_person_has_one_queue(both: Both) -> None:
    """What is with them is in the list on both, and what they acknowledged on the one is theirs on the other."""
    reference = await both.slack.reports("teacher", GROOMING, {"what": WHAT})
    for stage in (both.slack, both.teams):
        assert reference in shown(await stage.command("dsl", "queue"))
        assert reference not in shown(await stage.command("it", "queue"))
    await both.teams.expects("dsl", reference)
    await both.teams.press("dsl", "Acknowledge", reference)
    await both.slack.expects("dsl", reference, "Acknowledged by Dana Okafor")
    closing = await both.slack.press("dsl", "Close", reference)
    assert isinstance(closing, Dialog)
    await closing.fill({"outcome": "Both families seen.", "result": "dealt_with"})
    await closing.submit()
    await both.teams.expects("dsl", reference, "Closed")
    await both.slack.expects("teacher", reference, "was closed")


async def test_ones_own_reports_are_listed_on_both(both: Both) -> None:
    """Reported in Teams: «mine» has it there, and in Slack as well, since it is the same person."""
    reference = await both.teams.reports("teacher", GROOMING, {"what": WHAT})
    for stage in (both.teams, both.slack):
        assert reference in shown(await stage.command("teacher", "mine"))
        assert reference not in shown(await stage.command("it", "mine"))


async def test_who_is_shut_out_is_shut_out_of_both(both: Both) -> None:
    """The DSL who is named sees it nowhere: not in a chat, a channel or a queue of either."""
    reference = await both.slack.reports("teacher", UNSURE, {"perpetrators": ["Dana Okafor"], "what": WHAT})
    for stage in (both.slack, both.teams):
        await stage.never("dsl", reference)
        await stage.never("dsl", reference, SAFEGUARDING)
        assert reference not in shown(await stage.command("dsl", "queue"))


async def test_one_platform_that_is_down_does_not_hold_up_the_other(both: Both) -> None:
    """Teams cannot be reached: Slack has the alert, nothing climbs early, and Teams gets its copy when it is back."""
    both.teams.fake.fail(200, 503)
    reference = await both.slack.reports("teacher", GROOMING, {"what": WHAT})
    await both.slack.expects("dsl", reference, "Nobody has acknowledged")
    await at_rest(both.bot, both.clock)
    assert not [m for m in both.slack.sees("deputy") if reference in m]
    both.teams.fake.no_more_faults()
    both.clock.advance(minutes=5)
    await both.teams.expects("dsl", reference, "Nobody has acknowledged")


async def test_somebody_who_is_in_one_platform_alone_is_not_passed_over(both: Both) -> None:
    """The DSL was never seen in Teams and has no channel there: Slack reaches them, so nobody else is asked early."""
    async with both.bot.database.begin() as connection:
        await connection.execute(t.teams_users.delete().where(t.teams_users.c.email == "d.okafor@demo.example"))
    await both.teams.teams[SAFEGUARDING].uninstall(both.teams.users["deputy"])
    await at_rest(both.bot, both.clock)
    reference = await both.teams.reports("teacher", GROOMING, {"what": WHAT})
    await both.slack.expects("dsl", reference, "Nobody has acknowledged")
    await both.slack.never("deputy", reference)
    assert not [m for m in both.teams.sees("deputy") if reference in m]
