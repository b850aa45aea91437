"""Whatever is put into a form in Teams, over HTTP: never a failure, never a word lost, never a name or a story written down."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.teams.values import form_values
from cards import case, messages, pages, report_form
from cards.adaptive import DATE_SUFFIX, SUBMIT, TIME_SUFFIX, TYPED_SUFFIX
from cards.plain import clean
from domain.report_form import Field
from storage import tables as t
from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.fakes.teams_model import Reply, card_problems, dialog_problems, starting_values
from tests.fakes.teams_user import TeamsUser
from tests.story.teams_stage import TeamsStage, teams_stage
from tests.story.test_fuzz import NASTY, Run, kept

SLOW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
FIELDS = [f.value for f in Field] + ["link", "to", "reason", "outcome", "", "\x00", "no such field"]
SUFFIXES = ["", DATE_SUFFIX, TIME_SUFFIX, TYPED_SUFFIX]
KIND = {"concern": "grooming", "about": "pupil", "danger": "no"}
NAME = "Zebedee Quillfeather"

short = [text for text in NASTY if len(text) < 10_000]
texts = st.sampled_from(short) | st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=60)
anything = (
    texts | st.none() | st.booleans() | st.integers() | st.lists(texts, max_size=3) | st.dictionaries(texts, texts, max_size=2)
)
names = st.builds(str.__add__, st.sampled_from(FIELDS), st.sampled_from(SUFFIXES)).filter(lambda name: "what." not in name)
forms = st.dictionaries(names, anything, max_size=8)


@dataclass(frozen=True)
class Front:
    """A running bot with a school in Teams, and what one needs to talk to it outside a loop."""

    run: Run
    stage: TeamsStage

    def asks(self, who: str, name: str, data: Any) -> Reply:
        """What a client sends for a button or a form; the bot's answer."""
        user = self.stage.users[who]
        value = {"action": {"data": data}} if name == "adaptiveCard/action" else {"data": data}
        reply: Reply = self.run(self.stage.fake.deliver(user.activity("invoke", user.chat, name=name, value=_sendable(value))))
        return reply

    async def told(self, draft: str) -> list[str]:
        """What happened, as the report that was made of a draft has it; empty if none was."""
        school = next(iter(self.stage.bot.schools.values()))
        async with Store(self.stage.bot.database).transaction(school, write=False) as records:
            made = await records.incident_of_draft(draft)
            return [(await records.narrative(made.id)).what_happened] if made is not None else []


def _sendable(value: Any) -> Any:
    """Halves of characters cannot be sent as UTF-8: they go as JSON's own escapes, which the bot refuses as a whole."""
    return json.loads(json.dumps(value).encode())


@pytest.fixture
def front(database_url: str, tmp_path: Path) -> Iterator[Front]:
    """The demo school in Teams, on both databases."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        stage = runner.run(stack.enter_async_context(teams_stage(database_url, tmp_path, FakeClock())))
        yield Front(runner.run, stage)
        runner.run(stage.settled())
        runner.run(stack.aclose())


def shown_in(reply: Reply) -> dict[str, Any]:
    """The card of a dialog that Teams can show."""
    assert reply.status in (200, 400), reply
    assert dialog_problems(reply.json) == []
    return dict(reply.json["task"]["value"]["card"]["content"]) if reply.status == 200 else {}


def half(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def test_anything_in_the_second_screen_is_kept_or_handed_back(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    """Wrong, the form comes back with what was typed; right, it is in the records. Nothing of it is in a log or a message."""
    caplog.set_level(logging.DEBUG)

    @given(forms, texts)
    @example({"when.date": "2026-02-30", "when.time": "25:00"}, NAME)
    @example({"targets.typed": "\n".join(f"Somebody {n}" for n in range(300))}, NAME)
    @example({"targets": {"a": 1}, "targets.typed": ["x"]}, NAME)
    @SLOW
    def check(more: dict[str, Any], typed: str) -> None:
        draft = str(uuid4())
        shown_in(front.asks("teacher", "task/submit", {"action": SUBMIT, "dialog": report_form.KIND, "state": draft, **KIND}))
        what = f"{NAME} {typed}"
        given_values = {"illegal": "no", "repeat": "no", **more, "what": what}
        told = {"action": SUBMIT, "dialog": report_form.DETAIL, "state": draft}
        reply = front.asks("teacher", "task/submit", {**given_values, **told})
        if half(what) or half(json.dumps(more, ensure_ascii=False)):
            assert reply.status in (200, 400)
            return
        card = shown_in(reply)
        told_there = front.run(front.told(draft))
        if told_there:
            assert told_there == [kept(what)]
        else:
            handed_back = starting_values(card).get("what", "")
            assert " ".join(handed_back.split()) == " ".join(clean(kept(what)).split())

    check()
    front.run(front.stage.settled())
    ours = [logging.Formatter().format(r) for r in caplog.records if r.name.startswith("esafety")]
    assert not [line for line in ours if "Zebedee" in line]
    assert "Zebedee" not in front.stage.raw_chat()
    assert not [r.getMessage() for r in caplog.records if r.exc_info and r.name.startswith("esafety")]


@pytest.mark.parametrize("suffix", [TYPED_SUFFIX, DATE_SUFFIX])
def test_a_part_that_no_field_has_takes_no_text_away(suffix: str) -> None:
    """A text is a text, whatever else a client sends under a name like its own."""
    data = {Field.WHAT.value: "x", Field.WHAT.value + suffix: "y"}
    assert form_values(data, UTC)[Field.WHAT] == "x"


def test_anything_in_any_form_of_a_lead(front: Front) -> None:
    """Any form with any state and any fields: a dialog that Teams can show, never a failure."""

    async def ready() -> tuple[str, str]:
        await front.stage.reports("teacher", dict(KIND), {"what": "x"})
        async with front.stage.bot.database.begin(write=False) as connection:
            alert = (await connection.execute(t.alerts.select())).one()
        return str(alert.incident_id), str(alert.id)

    incident, alert = front.run(ready())
    ids = st.sampled_from([incident, alert, "chipping-sodbury", ""]) | texts
    dialogs = st.sampled_from([case.HAND_ON_FORM, case.CLOSE_FORM, report_form.KIND, report_form.DETAIL, "gone"]) | anything

    @given(st.sampled_from(["dsl", "it"]), dialogs, ids | anything, forms, anything)
    @SLOW
    def check(who: str, dialog: Any, state: Any, more: dict[str, Any], school: Any) -> None:
        told = {"action": SUBMIT, "dialog": dialog, "state": state, "school": school}
        shown_in(front.asks(who, "task/submit", {**more, **told}))

    check()


def test_anything_behind_a_button(front: Front) -> None:
    """Any action with any value, in place or in a dialog: one answer that Teams can show."""
    actions = [
        messages.ACKNOWLEDGE, messages.DETAILS, messages.HAND_ON, messages.CLOSE, case.SAME_PERSON, case.OTHER_PERSON,
        report_form.RESUME, report_form.DISCARD, pages.REPORT, pages.SHOW_MINE, pages.SHOW_QUEUE, pages.IN_SCHOOL,
    ]  # fmt: skip

    @given(st.sampled_from(["dsl", "it"]), st.sampled_from(actions) | anything, anything, anything)
    @SLOW
    def check(who: str, action: Any, value: Any, school: Any) -> None:
        data = {"action": action, "value": value, "school": school}
        shown_in(front.asks(who, "task/fetch", data))
        told = front.asks(who, "adaptiveCard/action", data)
        if told.status == 200:
            answer = told.json
            assert answer["statusCode"] == 200
            assert answer["value"]
            assert isinstance(answer["value"], str) or card_problems(answer["value"], "message") == []

    check()


def test_anything_said(front: Front) -> None:
    """Whatever is written to the bot gets one message that Teams takes, and what was written is not in the log."""
    user: TeamsUser = front.stage.users["it"]

    async def says(text: str) -> str:
        before = len(user.from_bot)
        activity = user.activity("message", user.chat, text=text, textFormat="plain")
        assert (await front.stage.fake.deliver(activity)).status == 202
        await front.stage.fake.until(lambda: len(user.from_bot) > before, f"an answer to {text[:50]!r}")
        return user.from_bot[-1].shown

    @given(texts.filter(lambda text: not half(text)))
    @example("<at>E-safety</at>" * 50)
    @example("report " * 4000)
    @settings(SLOW, max_examples=10)
    def check(text: str) -> None:
        assert front.run(says(text))

    check()
