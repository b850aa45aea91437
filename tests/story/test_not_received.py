"""The database fails while somebody reports: they are told plainly, with whom to phone, and lose nothing of what they typed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from bot.slack import app as slack_app
from storage import database as database_module
from storage import tables as t
from tests.conftest import new_database
from tests.fakes.clock import PATIENCE_SECONDS, FakeClock
from tests.fakes.database_trouble import TROUBLES, locked
from tests.story.conftest import STAGES
from tests.story.console_stage import ConsoleDialog, ConsoleStage
from tests.story.slack_stage import SlackStage
from tests.story.stage import Dialog, Stage, reference_in
from tests.story.teams_stage import TeamsStage

PHONE = "01454 555 0101"
WHAT = " ".join(["A stranger asked her to move to another app."] * 60)
"""More than what is left of a page of the database, so that a full disk is felt."""
KIND = {"concern": "grooming", "about": "pupil", "danger": "no"}
DETAILS = {"what": WHAT, "done": WHAT, "illegal": "no", "repeat": "no"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a lock that is never given back nobody waits longer than the program by itself would."""
    monkeypatch.setattr(database_module, "PATIENCE_SECONDS", 2.0)


async def sent_in_vain(dialog: Dialog) -> tuple[Dialog, str]:
    """Sends a form that cannot be taken. The form as it is then, and what is said in it."""
    if isinstance(dialog, ConsoleDialog):
        body = {"form": dialog.page.form, "state": dialog.page.state, "values": dialog.page.values}
        return dialog, await refused(dialog.stage, "submit", dialog.who, body)
    after = await dialog.submit()
    assert after is not None, "the form is gone"
    return after, " ".join(after.errors.values()) or after.shown


async def refused(stage: ConsoleStage, path: str, who: str, body: Mapping[str, object]) -> str:
    """What the page shows of something that the console could not do; it leaves the form as it is."""
    token = {"X-Console-Token": stage.token}
    given = {"persona": stage.ids[who], "place": "dm", **body}
    async with stage.session.post(f"{stage.bot.address}/console/api/{path}", json=given, headers=token) as response:
        assert response.status == 503
        return str((await response.json())["error"])


async def reports_kept(stage: Stage) -> int:
    async with stage.bot.database.begin(write=False) as connection:
        return (await connection.execute(select(func.count()).select_from(t.incidents))).scalar_one()


async def second_screen(stage: Stage) -> Dialog:
    first = await stage.command("teacher", "report")
    assert isinstance(first, Dialog)
    await first.fill(KIND)
    second = await first.submit()
    assert second is not None
    await second.fill({f: v for f, v in DETAILS.items() if f in second.fields})
    return second


async def test_a_report_that_cannot_be_kept_is_not_received(stage: Stage) -> None:
    """Full, read-only, locked, gone: each time it says so, and the same form is good for one report when it is over."""
    dialog = await second_screen(stage)
    for name, trouble in TROUBLES.items():
        async with trouble(stage.bot.database):
            dialog, said = await sent_in_vain(dialog)
            assert "NOT received" in said, name
            assert PHONE in said
            async with aiohttp.ClientSession() as http, http.get(f"{stage.bot.address}/readyz") as ready:
                assert ready.status == 503
                assert "database: " in await ready.text()
        if stage.platform != "teams":
            assert dialog.value("what") == WHAT
        assert await reports_kept(stage) == 0
    receipt = await dialog.submit()
    assert receipt is not None
    reference = reference_in(receipt.shown)
    assert await reports_kept(stage) == 1
    await stage.expects("dsl", reference)


async def test_whoever_cannot_even_begin_is_told(stage: Stage) -> None:
    """With nothing to read from, the answer to «report» is that nothing can be received, and whom to phone."""
    async with TROUBLES["gone"](stage.bot.database):
        if isinstance(stage, ConsoleStage):
            said = await refused(stage, "say", "teacher", {"text": "/esafety report"})
        elif isinstance(stage, TeamsStage):
            before = len(stage.users["teacher"].from_bot)
            await stage.users["teacher"].say("report")
            await stage.fake.until(lambda: len(stage.users["teacher"].from_bot) > before, "an answer")
            said = stage.users["teacher"].from_bot[-1].shown_to(stage.users["teacher"].id)
        else:
            answer = await stage.command("teacher", "report")
            said = answer if isinstance(answer, str) else answer.shown
    assert "nothing was received" in said
    assert PHONE in said


async def knocks_at_the_console(stage: ConsoleStage, reference: str) -> set[int]:
    """The statuses with which each of its pages answers the lead."""
    token, lead = {"X-Console-Token": stage.token}, stage.ids["dsl"]
    asked: list[tuple[str, dict[str, object]]] = [
        ("say", {"text": "/esafety queue"}),
        ("say", {"text": "may I friend a pupil?"}),
        ("press", {"action": "queue", "value": "", "form": None}),
        ("press", {"action": "open_case", "value": reference, "form": None}),
        ("submit", {"form": "report_kind", "state": "", "values": dict(KIND)}),
        ("typing", {"form": "report_detail", "state": "", "values": {"what": WHAT}}),
    ]
    found = set()
    for path, body in asked:
        given = {"persona": lead, "place": "dm", **body}
        async with stage.session.post(f"{stage.bot.address}/console/api/{path}", json=given, headers=token) as response:
            found.add(response.status)
            assert response.status == 200 or PHONE in (await response.json())["error"], path
    for path in ("world", f"suggest?persona={lead}&q=Be", f"messages?persona={lead}&place=dm"):
        async with stage.session.get(f"{stage.bot.address}/console/api/{path}") as response:
            found.add(response.status)
    return found


async def knocks_at_teams(stage: TeamsStage, reference: str) -> set[int]:
    """The same in Teams; of what takes the dialog away, or says «Something went wrong», its client fails the test."""
    lead, teacher = stage.users["dsl"], stage.users["teacher"]
    await stage.press("dsl", "Details", reference)
    await stage.press("dsl", "Acknowledge", reference)
    found = {await lead.say("queue"), await lead.say("may I friend a pupil?"), await teacher.say("mine")}
    return found | set(await teacher.install())


async def knocks_at_slack(stage: SlackStage, reference: str) -> set[int]:
    """The same in Slack, whose client fails the test for whatever is not answered in time with a good answer."""
    lead, teacher = stage.users["dsl"], stage.users["teacher"]
    await lead.command("/esafety queue")
    await stage.press("dsl", "Details", reference)
    await stage.press("dsl", "Acknowledge", reference)
    await lead.open_home()
    await lead.direct_message("may I friend a pupil?")
    await teacher.shortcut("report_concern")
    return {200}


async def test_no_door_breaks_while_somebody_else_writes(stage: Stage) -> None:
    """Every kind of request is answered: as ever where it writes nothing, else that it was not received; never as a failure.

    Afterwards the case stands as before, and the same button works.
    """
    reference = await stage.reports("teacher", KIND, {"what": WHAT})
    await stage.expects("dsl", reference)
    await stage.settled()
    async with locked(stage.bot.database):
        match stage:
            case ConsoleStage():
                found = await knocks_at_the_console(stage, reference)
            case TeamsStage():
                found = await knocks_at_teams(stage, reference)
            case SlackStage():
                found = await knocks_at_slack(stage, reference)
            case _:
                raise AssertionError(stage.platform)
        async with aiohttp.ClientSession() as http:
            for page in ("healthz", "metrics"):
                async with http.get(f"{stage.bot.address}/{page}") as answer:
                    assert answer.status == 200
    assert found <= {200, 202, 503}
    await stage.press("dsl", "Acknowledge", reference)
    await stage.expects("dsl", reference, "Acknowledged by")


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def slack(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SlackStage]:
    """The demo school in Slack, on a database for which the bot waits longer than Slack does for the bot."""
    monkeypatch.setattr(database_module, "PATIENCE_SECONDS", PATIENCE_SECONDS)
    async with new_database(request.param, tmp_path) as url, STAGES["slack"](url, tmp_path, clock) as stage:
        assert isinstance(stage, SlackStage)
        yield stage


async def test_slack_is_answered_before_it_gives_up(slack: SlackStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that takes longer than Slack waits: nobody claims that it was lost, and sent again it is one report."""
    monkeypatch.setattr(slack_app, "_ANSWER_SECONDS", 0.2)
    dialog = await second_screen(slack)
    async with locked(slack.bot.database):
        dialog, said = await sent_in_vain(dialog)
        assert "not certain" in said
        assert PHONE in said
    monkeypatch.setattr(slack_app, "_ANSWER_SECONDS", PATIENCE_SECONDS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await reports_kept(slack) < 1:  # noqa: ASYNC110 - a row in the database rings no bell
            await asyncio.sleep(0.02)
    receipt = await dialog.submit()
    assert receipt is not None
    assert reference_in(receipt.shown)
    assert await reports_kept(slack) == 1
