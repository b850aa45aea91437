"""Questions about the policy, on every platform alike: answered from its rules, and never guessed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.replies import Post, Tell
from bot.settings import DEMO_SCHOOLS
from cards.answer import AGAIN, REPORT_AS, SHARE, answer_card
from cards.model import Banner, Buttons, buttons, leaves
from cards.submissions import NEW_REQUEST, SHOW_REQUESTS
from domain.asking import Answered, carried, replay
from domain.people import Account, Platform, Standing
from storage import tables as t
from storage.answering import load_engine
from storage.policy_files import load_policy
from storage.school_files import load_schools
from storage.store import Store
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock
from tests.story.slack_stage import SlackStage, slack_stage
from tests.story.stage import SAFEGUARDING, Dialog, Stage
from tests.story.teams_stage import TeamsStage, teams_stage

EX_PUPIL = "can i friend an ex-pupil?"
OWN_IPAD = "Can I use my own iPad on the school wifi?"
CODE = "Can I give a colleague the access code for the laptop trolley?"
"""Leave is needed for it, and the policy has no form for that."""
WATCH = "Is Alfie Demosson allowed to wear a smartwatch in an exam?"


def shown(answer: Dialog | str) -> str:
    """The text of an answer."""
    return answer.shown if isinstance(answer, Dialog) else answer


def dialog(answer: Dialog | str) -> Dialog:
    """The dialog that an answer is."""
    assert isinstance(answer, Dialog), answer
    return answer


async def test_the_rule_comes_with_its_clause_and_asks_the_one_fact(stage: Stage) -> None:
    """A former pupil: it turns on the age, which is asked for; pressed, the verdict comes with the printed clause."""
    answer = await stage.ask("teacher", EX_PUPIL)
    for words in ("It depends", "former pupil", "Under 18", "All staff", "point 13", "31 May 2023", "Or did you mean"):
        assert words in answer, (words, answer)
    decided = shown(await stage.press("teacher", "Under 18", "former pupil"))
    assert "refused" in decided
    assert "Under 18" in decided


async def test_a_fact_that_was_said_is_not_asked_for(stage: Stage) -> None:
    """The age stands in the question: the answer is there at once, and says what was understood."""
    answer = await stage.ask("teacher", f"{EX_PUPIL} She is 17.")
    assert "refused" in answer
    assert "Under 18" in answer
    assert "Is the former pupil under 18?" not in answer


async def test_who_was_told_no_is_not_told_to_ask(stage: Stage) -> None:
    """Somebody adds that it was refused: then it is a no, with the rule. Who has not asked yet is told whom to ask."""
    refused = await stage.ask("teacher", "Can a visiting speaker use her own laptop here? IT Support has said no.")
    assert "You say that it was refused" in refused
    assert "IT Support request" in refused
    waiting = await stage.ask("teacher", "Can a visiting speaker use her own laptop here? I have not asked anybody yet.")
    assert "Ask first" in waiting
    assert "refused" not in waiting


async def test_another_reading_can_be_pressed(stage: Stage) -> None:
    """What else may have been meant stands below the answer."""
    answer = await stage.ask("teacher", EX_PUPIL)
    other = next(line for line in ("Be friends with a pupil", "Message or answer a former pupil") if line in answer)
    assert other.split()[-1] in shown(await stage.press("teacher", other, "former pupil"))


async def test_none_of_the_readings_leads_to_somebody_who_knows(stage: Stage) -> None:
    """Not what was asked: the lead can be asked by a press, on every platform."""
    await stage.ask("teacher", EX_PUPIL)
    nothing = shown(await stage.press("teacher", "Not what I asked", "former pupil"))
    for words in ("could not find a rule", "Dana Okafor", "Ask Designated Safeguarding Lead (DSL)"):
        assert words in nothing, (words, nothing)


async def test_permission_is_asked_and_given(stage: Stage) -> None:
    """From "ask first" to a yes: a reference in the chat, the words in dialogs only, one answer with its reason, recorded."""
    assert "Ask first" in await stage.ask("teacher", CODE)
    form = dialog(await stage.press("teacher", "Ask permission", "Codes are not"))
    assert "Iga Nowak" in form.shown
    await form.fill({"text": "For planning at lunch, please"})
    sent = await form.submit()
    assert "CSS-Q-2026-" in (sent.shown if sent is not None else await stage.expects("teacher", "CSS-Q-2026-"))
    await stage.expects("it", "CSS-Q-2026-", "Mobile Technologies")
    file = dialog(await stage.press("it", "Open and answer", "CSS-Q-2026-"))
    for words in ("Tess Whitlock", "For planning at lunch, please"):
        assert words in file.shown
    again = await file.submit()
    assert again is not None
    assert again.errors.keys() >= {"reason"}
    await again.fill({"decision": "granted", "reason": "Bring it to the office first"})
    await again.submit()
    await stage.expects("it", "CSS-Q-2026-", "Permission given by Iga Nowak")
    await stage.expects("teacher", "CSS-Q-2026-", "Permission given")
    answer = dialog(await stage.press("teacher", "Read the answer", "CSS-Q-2026-"))
    assert "Bring it to the office first" in answer.shown
    for secret in ("For planning", "Bring it to the office", "Tess Whitlock"):
        assert secret not in stage.raw_chat(), secret
    async with stage.bot.database.begin(write=False) as connection:
        actions = [r.action for r in await connection.execute(t.audit.select().order_by(t.audit.c.seq))]
    told = dict.fromkeys(a for a in actions if a.startswith("request."))
    assert list(told) == ["request.permission", "request.read", "request.decided"]


async def test_nobody_else_opens_a_request(stage: Stage) -> None:
    """Whoever was not asked and did not ask is refused kindly; the first answer stands."""
    await stage.ask("teacher", CODE)
    form = dialog(await stage.press("teacher", "Ask permission", "Codes are not"))
    await form.fill({"text": "For planning"})
    await form.submit()
    await stage.expects("it", "CSS-Q-2026-")
    async with stage.bot.database.begin(write=False) as connection:
        request = (await connection.execute(t.requests.select())).one()
    desk = next(iter(stage.bot.desks.values()))
    from domain.people import Account, Platform, Standing

    stranger = await desk.press(
        Account(Platform.CONSOLE, "X", "x@elsewhere.example", "X", standing=Standing.MEMBER), "read_request", request.id
    )
    assert "not for you" in str(stranger)


async def test_where_the_policy_has_a_form_for_it_the_answer_opens_that(stage: Stage) -> None:
    """From "ask first" to the request itself, with what was asked already in it."""
    assert "Ask first" in await stage.ask("teacher", OWN_IPAD)
    form = dialog(await stage.press("teacher", "Put a device of your own on the school network", "Wi-Fi"))
    assert "It goes to Iga Nowak" in form.shown
    assert OWN_IPAD in [form.value(field) for field in form.fields]


async def test_what_the_policy_does_not_say_is_said_and_kept_for_its_review(stage: Stage) -> None:
    """Silent: whom to ask instead; the leads see that it was asked, and its words in a dialog only, without who asked."""
    answer = await stage.ask("teacher", WATCH)
    assert "does not say" in answer
    assert "Dana Okafor" in answer
    assert "those who review" in shown(await stage.command("teacher", "gaps"))
    listed = shown(await stage.command("dsl", "gaps"))
    assert "asked once" in listed
    assert "Alfie" not in listed
    assert "Alfie" not in answer
    columns = {c.name for c in t.gaps.columns}
    school = next(iter(stage.bot.schools.values()))
    async with Store(stage.bot.database).transaction(school, write=False) as records:
        (kept,) = await records.gaps(10)
    assert kept.text == WATCH
    assert not columns & {"user_id", "person_id", "asker", "platform"}


async def test_a_question_can_go_to_a_person(stage: Stage) -> None:
    """Where the policy is silent the safeguarding lead can be asked by name, and what they say comes back."""
    await stage.ask("teacher", WATCH)
    form = dialog(await stage.press("teacher", "Ask Designated Safeguarding Lead (DSL)", "does not say"))
    await form.submit()
    await stage.expects("dsl", "CSS-Q-2026-", "what the policy does not say")
    file = dialog(await stage.press("dsl", "Open and answer", "CSS-Q-2026-"))
    await file.fill({"reason": "Yes, if the parents have agreed."})
    await file.submit()
    await stage.expects("teacher", "CSS-Q-2026-", "has answered your question")
    answer = dialog(await stage.press("teacher", "Read the answer", "CSS-Q-2026-"))
    assert "Yes, if the parents have agreed." in answer.shown


async def test_from_an_answer_to_a_report_in_one_press(stage: Stage) -> None:
    """A pupil who writes to a member of staff: the rule, and the report form with kind and about-whom filled in."""
    answer = await stage.ask("teacher", "A Year 9 has just sent me a friend request on Facebook, what do I do?")
    assert "Report this" in answer
    form = dialog(await stage.press("teacher", "Report this", "request"))
    assert form.value("concern") == "pupil_contacts_staff"
    assert form.value("about") == "pupil"


async def test_something_grave_is_never_only_answered(stage: Stage) -> None:
    """Whatever rule is found: whom to tell now, not to look, and the way to report it."""
    answer = await stage.ask("teacher", "One of my Year 9s says a boy is passing round a nude photo of her, what do I do?")
    for words in ("Designated Safeguarding Lead", "Report this"):
        assert words in answer, (words, answer)


async def test_nothing_grave_waits_until_a_reading_is_chosen() -> None:
    """Not sure what was asked, but sure what it tells of: whom to tell comes first, and the report is filled in."""
    engine = load_engine(load_policy("chipping-sodbury"))
    found = engine.understand("One of my Year 9s says a boy is passing round a nude photo of her")
    assert found.tell
    school = next(iter(load_schools(DEMO_SCHOOLS).values()))
    unsure = Answered("id||", replace(found, sure=False), {}, None)
    card = answer_card(school, engine.catalogue, unsure, shared=False)
    texts = [part.text for part in leaves(card) if isinstance(part, Banner)]
    assert any("Designated Safeguarding Lead" in text for text in texts)
    assert any("Do not look at the image" in text for text in texts)
    assert [b.value for b in buttons(card) if b.action == REPORT_AS] == ["nude_image|pupil"]


async def test_of_many_requests_three_are_offered_and_the_way_to_all() -> None:
    """Each with the question that led there; the first stands out, and more of them would hide what else there is to do."""
    engine = load_engine(load_policy("chipping-sodbury"))
    school = next(iter(load_schools(DEMO_SCHOOLS).values()))
    found = replace(engine.understand(OWN_IPAD), sure=True)
    kinds = tuple(school.policy.requests.values())
    for count, more in ((3, 0), (4, 1)):
        card = answer_card(school, engine.catalogue, Answered("id||", found, {}, None, offers=kinds[:count]), shared=False)
        offered = [b for b in buttons(card) if b.action == NEW_REQUEST]
        assert [b.value for b in offered] == [f"{kind.id}|id" for kind in kinds[:3]]
        assert [b.label for b in buttons(card) if b.action == SHOW_REQUESTS] == ["More that you can ask for"] * more


async def test_a_long_telling_gets_the_way_to_report_it(stage: Stage) -> None:
    """More than anybody reads as a question: it says so, and the report is one press away."""
    answer = await stage.ask("teacher", "She told me at break what had happened at the weekend. " * 40)
    assert "too long" in answer
    assert "Report a concern" in answer


async def test_subjects_roles_and_how_to_ask(stage: Stage) -> None:
    """The policy can be browsed, and who holds which role is no secret."""
    assert "Photographs" in shown(await stage.command("teacher", "topics"))
    assert "school website" in shown(await stage.command("teacher", "topics photographs"))
    who = shown(await stage.command("teacher", "who"))
    for words in ("Dana Okafor", "Head of House", "Bryn Marsh (Brunel)"):
        assert words in who, words
    assert "in your own words" in shown(await stage.command("teacher", "ask"))


async def test_small_talk_is_no_gap_in_the_policy(stage: Stage) -> None:
    """Nobody reviews the policy for want of a rule on the weather."""
    await stage.ask("teacher", "What will the weather be like tomorrow?")
    async with stage.bot.database.begin(write=False) as connection:
        assert (await connection.execute(t.gaps.select())).all() == []


@pytest_asyncio.fixture
async def slack(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SlackStage]:
    """The demo school in Slack."""
    async with slack_stage(sqlite_at(tmp_path / "ask.db"), tmp_path, clock) as stage:
        yield stage


@pytest_asyncio.fixture
async def teams(tmp_path: Path, clock: FakeClock) -> AsyncIterator[TeamsStage]:
    """The demo school in Teams."""
    async with teams_stage(sqlite_at(tmp_path / "ask.db"), tmp_path, clock) as stage:
        yield stage


async def test_an_answer_is_private_until_it_is_shown_to_all(slack: SlackStage) -> None:
    """Asked in a channel, the answer is for whoever asked; one press shows the rule to everybody, without the question."""
    dsl, channel = slack.users["dsl"], slack.channels[SAFEGUARDING]
    await dsl.command("/esafety ask Can I friend Alfie Demosson, he is in Year 9?", channel=channel)
    await slack.slack.until(lambda: dsl.ephemerals, "an answer")
    answer = dsl.ephemerals[-1]
    assert slack.sees("deputy", SAFEGUARDING) == []
    await dsl.press(answer, "Show it here to all")
    await slack.slack.until(lambda: slack.sees("deputy", SAFEGUARDING), "the rule in the channel")
    (posted,) = slack.sees("deputy", SAFEGUARDING)
    assert posted.startswith("No")
    assert "Alfie" not in posted


async def test_a_button_whose_fact_is_none_of_its_options_has_nothing_shown(slack: SlackStage) -> None:
    """A client can send what it likes for a button: the bot never says it aloud, in its own name and under the policy's."""
    desk = next(iter(slack.bot.desks.values()))
    user = slack.users["dsl"]
    account = Account(Platform.SLACK, user.id, "d.okafor@demo.example", "Dana Okafor", standing=Standing.MEMBER)
    asked, _, _ = replay(await desk.policy.keep(account, EX_PUPIL))
    catalogue = (await desk.ports.answers.engine(desk.school.policy)).catalogue
    made_up = carried(asked, "", dict.fromkeys(catalogue.facts, "Alfie Demosson did it"))
    for action in (SHARE, AGAIN):
        reply = await desk.press(account, action, made_up, shared=True)
        assert isinstance(reply, Post | Tell)
        assert "former pupil" in repr(reply.card)
        assert "Demosson" not in repr([leaf for leaf in leaves(reply.card) if not isinstance(leaf, Buttons)])


async def test_what_comes_in_ones_own_chat_offers_nothing_to_show_there(teams: TeamsStage) -> None:
    """Asked by a mention, the answer is in one's own chat, where a rule is shown to nobody; whispered, it can be shown."""
    dsl, group = teams.users["dsl"], teams.fake.add_group_chat([teams.users["dsl"], teams.users["deputy"]])
    await group.install(dsl)
    await dsl.say(OWN_IPAD, group.id, mention=True)
    in_private = await dsl.waits_for_message("Ask first")
    assert "Show it here to all" not in in_private.buttons_for(dsl.id)
    await dsl.slash(f"ask {OWN_IPAD}", group.id)
    whispered = await dsl.waits_for_message("Ask first", where=group.id)
    assert "Ask first" not in teams.users["deputy"].everything_seen
    await dsl.press(whispered, "Show it here to all")
    await teams.users["deputy"].waits_for_message("Ask first: connect my own device", where=group.id)


async def test_the_message_extension_offers_rules_to_put_into_a_conversation(teams: TeamsStage) -> None:
    """Typed into the extension: the likeliest rules as cards, each with a line to know it by; nothing of it is kept."""
    user = teams.users["teacher"]
    body = await user._ask(
        "composeExtension/query",
        {"commandId": "ask", "parameters": [{"name": "question", "value": EX_PUPIL}], "queryOptions": {"skip": 0, "count": 25}},
        user.messages[-1] if user.messages else user,  # type: ignore[arg-type]
    )
    found = body["composeExtension"]["attachments"]
    assert len(found) >= 2
    assert "former pupil" in found[0]["preview"]["content"]["title"]
    async with teams.bot.database.begin(write=False) as connection:
        assert (await connection.execute(t.asked.select())).all() == []


async def test_a_button_of_yesterday_says_so(slack: SlackStage) -> None:
    """A question is kept for a school day; after that its buttons say that it is gone, and how to ask again."""
    await slack.ask("teacher", EX_PUPIL)
    slack.clock.advance(days=4)
    assert "no longer kept" in shown(await slack.press("teacher", "Under 18", "former pupil"))


async def test_somebody_elses_question_is_not_gone_on_with(slack: SlackStage) -> None:
    """A button's value in another hand shows nothing of the question."""
    await slack.ask("teacher", WATCH)
    async with slack.bot.database.begin(write=False) as connection:
        asked = (await connection.execute(t.asked.select())).one()
    desk = next(iter(slack.bot.desks.values()))
    from domain.people import Account, Platform

    other = Account(Platform.SLACK, slack.users["it"].id, "i.nowak@demo.example", "Iga Nowak")
    replies = await asyncio.gather(*(desk.press(other, a, f"{asked.id}||") for a in ("ask_again", "ask_share", "ask_person")))
    assert all("no longer kept" in str(reply) for reply in replies)


@pytest.mark.parametrize("words", ["thanks", "ok", "hello there"])
async def test_a_word_or_two_get_help(slack: SlackStage, words: str) -> None:
    """No question, no command: what the bot can do."""
    assert "How can I help" in await slack.ask("teacher", words)
