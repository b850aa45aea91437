"""Whatever is put into any field of any form: no failure, nothing that Slack refuses or reads as markup, no word lost."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.desk import Desk
from bot.replies import Post, Reply, ShowForm, Silence, Tell, WrongForm
from bot.slack.values import form_values
from cards import blockkit, case, html, messages, pages, report_form
from cards.model import FormValues
from domain.incident import CaseFile
from domain.report_form import PEOPLE_FIELDS, Field
from handlers import details
from storage import tables as t
from storage.database import Database
from tests.contract.limits import option_problems, problems
from tests.fakes.clock import FakeClock
from tests.fakes.keys import ring_for
from tests.handlers.office import Office, open_office

Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]

NASTY = (
    "",
    " ",
    "\n\t\r\n",
    "\x00",
    "before\x00after",
    "\ud83d",
    "half a \udc00 pair",
    "😀👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "\u202eright to left\u202c",
    "\u05d0\u05d1\u05d2 \u0627\u0644\u0639",
    "\u200b",
    "Z\u0351\u036b\u0343a\u0300lgo",
    "<!channel> <!here> <@U0BOT> <#C1> <https://evil.example|click>",
    "*bold* _it_ ~no~ `code` ```block``` :smile: > quote & <b>&amp;</b>",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "' OR 1=1; DROP TABLE incidents; --",
    "{reference} {0} {} %s %(name)s ${x}",
    "text:", "person:", "person:nobody", "text:person:x", "person:" + "x" * 80, "text:" + "y" * 200,
    "x" * 75, "x" * 101, "x" * 3000, "x" * 3001, "😀" * 3000,
    "w" * 200_000,
    "2026-11-24", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "-1", "NaN", "2026-02-30T10:00",
)  # fmt: skip
texts = st.sampled_from(NASTY) | st.text(alphabet=st.characters(), max_size=60)
lists = st.lists(texts, max_size=12).map(tuple) | st.just(tuple(f"text:{n}" for n in range(300)))
values = texts | lists
FIELDS = [f.value for f in Field] + ["link", "to", "reason", "outcome", "", "\x00", "no such field"]
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def filled(*names: str) -> st.SearchStrategy[dict[str, str | tuple[str, ...]]]:
    """Anything in some of those fields."""
    return st.dictionaries(st.sampled_from(names), values, max_size=6)


@dataclass(frozen=True)
class Front:
    """The desk, with what one needs to talk to it outside a loop."""

    run: Run
    office: Office
    desk: Desk


@pytest.fixture
def front(database_url: str) -> Iterator[Front]:
    """The demo school's desk, on both databases."""
    with asyncio.Runner() as runner:
        database = Database(database_url, ring_for(database_url))
        runner.run(database.migrate())
        opened = open_office(database, FakeClock())
        office = runner.run(opened.__aenter__())
        yield Front(runner.run, office, Desk(office.ports, office.school))
        runner.run(database.close())


def drawn(reply: Reply) -> str:
    """The reply as Slack would show it; fails where Slack would refuse it."""
    match reply:
        case ShowForm(form=form) | WrongForm(form=form):
            view = blockkit.modal(form)
            assert problems(view, "modal") == []
            html.form(form)
            return str(view)
        case Tell(card=card) | Post(card=card):
            message = blockkit.message(card)
            assert problems(message, "message") == []
            html.card(card)
            return str(message)
        case Silence():
            return ""


def kept(text: str) -> str:
    """The text as any database can keep it."""
    return "".join(c for c in text if c != "\x00" and not "\ud800" <= c <= "\udfff").strip()


def test_anything_in_screen_one(front: Front) -> None:
    """The first screen comes back, or the second, or the plain word that it must be begun again."""
    teacher = front.office.account("teacher")

    @given(filled(*FIELDS), texts | st.uuids().map(str))
    @SLOW
    def check(given_values: FormValues, state: str) -> None:
        drawn(front.run(front.desk.submit(teacher, report_form.KIND, state, given_values)))
        drawn(front.run(front.desk.begin_report(teacher)))

    check()


def test_anything_in_screen_two(front: Front) -> None:
    """Wrong, it comes back as a form that Slack takes; right, it is a report whose every word is read back."""
    teacher = front.office.account("teacher")

    async def walk(more: FormValues, typed: FormValues) -> tuple[Reply, CaseFile | None]:
        office, desk = front.office, front.desk
        draft_id = str(uuid4())
        kind = {"concern": "grooming", "about": "pupil", "danger": "no"}
        await desk.submit(teacher, report_form.KIND, draft_id, kind)
        await desk.typing(teacher, report_form.DETAIL, draft_id, typed)
        drawn(await desk.press(teacher, report_form.RESUME, draft_id))
        reply = await desk.submit(teacher, report_form.DETAIL, draft_id, {"illegal": "no", "repeat": "no", **more})
        rows = await office.rows(t.incidents, t.incidents.c.draft_id == draft_id)
        if not rows:
            return reply, None
        for who in office.people:
            found = await details.read(office.ports, office.school, office.account(who), rows[0].id)
            if isinstance(found, CaseFile):
                for reader in (who, "stranger"):
                    drawn(await desk.press(office.account(reader), messages.DETAILS, rows[0].id))
                return reply, found
        return reply, None

    @given(filled(*FIELDS), filled(*FIELDS))
    @example({"what": "before\x00after"}, {})
    @example({"what": "half a \udc00 pair"}, {})
    @example({"what": "x", "targets": "person:" + "x" * 80}, {})
    @example({"what": "x", "where": "\x00"}, {"link": "\x00"})
    @example({"what": "x", "when": "0001-01-01T00:00:00+14:00"}, {})
    @example({"what": "x", "when": "9999-12-31T23:59:59-14:00"}, {})
    @example({"what": "w" * 200_000, "done": "w" * 200_000}, {"what": "w" * 200_000})
    @example({"what": "x", "concern": "nonsense", "about": "nonsense"}, {"concern": "", "about": ""})
    @example({"what": "x"}, {"concern": "nonsense"})
    @example({"what": "😀" * 3000, "done": "<!channel>" * 300, "targets": tuple(f"text:<!here> {n}" for n in range(10))}, {})
    @SLOW
    def check(more: FormValues, typed: FormValues) -> None:
        reply, found = front.run(walk(more, typed))
        drawn(reply)
        if found is not None:
            what = {**typed, **more}["what"]
            assert isinstance(what, str)
            assert found.narrative.what_happened == kept(what)
            assert {p.role for p in found.participants} <= set(PEOPLE_FIELDS.values())

    check()


def test_anything_in_the_forms_of_a_case(front: Front) -> None:
    """To hand on and to close: a clear answer, whoever it is to and whatever the reason."""
    office, desk = front.office, front.desk
    dsl = office.account("dsl")

    async def ready() -> tuple[str, str]:
        incident = await office.reports()
        alert = await office.alert(incident)
        await office.acknowledge("dsl", alert)
        return incident.id, alert.id

    incident_id, alert_id = front.run(ready())

    @given(
        st.sampled_from([case.HAND_ON_FORM, case.CLOSE_FORM, report_form.KIND, report_form.DETAIL, "gone", "notice"]) | texts,
        st.just(alert_id) | st.just(incident_id) | texts,
        filled("to", "reason", "what"),
    )
    @SLOW
    def check(form: str, state: str, given_values: FormValues) -> None:
        drawn(front.run(desk.submit(dsl, form, state, given_values)))

    check()
    shown = drawn(front.run(desk.press(dsl, messages.DETAILS, incident_id)))
    assert "may read" not in shown


def test_anything_as_a_reason_and_an_outcome_is_shown_as_it_was_written(front: Front) -> None:
    """What leads write is kept and shown, whatever it is, and the next one can still read the case."""
    office, desk = front.office, front.desk

    async def walk(reason: str, outcome: str) -> None:
        incident = await office.reports()
        alert = await office.alert(incident)
        asked = await desk.press(office.account("dsl"), messages.HAND_ON, alert.id)
        drawn(asked)
        key = f"deputy_dsl|{office.people['deputy'].id}"
        keys = [o["value"] for o in _options(asked) if office.people["deputy"].id in o["value"]]
        to = keys[0] if keys else key
        drawn(await desk.submit(office.account("dsl"), case.HAND_ON_FORM, alert.id, {"to": to, "reason": reason}))
        await office.acknowledge("deputy", alert)
        drawn(await desk.press(office.account("deputy"), messages.DETAILS, incident.id))
        drawn(await desk.submit(office.account("deputy"), case.CLOSE_FORM, alert.id, {"outcome": outcome, "result": "other"}))
        drawn(await desk.press(office.account("deputy"), messages.DETAILS, incident.id))
        drawn(Tell(await desk.queue(office.account("deputy"))))
        drawn(Tell(await desk.mine(office.account("teacher"))))
        assert problems(blockkit.home(await desk.home(office.account("dsl"))), "home") == []

    @given(texts, texts)
    @example("<!channel> \x00", "\ud800 outcome")
    @settings(SLOW, max_examples=30)
    def check(reason: str, outcome: str) -> None:
        front.run(walk(reason, outcome))

    check()


def _options(reply: Reply) -> list[dict[str, Any]]:
    """What can be chosen in a dialog."""
    assert isinstance(reply, ShowForm | WrongForm)
    elements = [b["element"] for b in blockkit.modal(reply.form)["blocks"] if b["type"] == "input"]
    return [
        o for e in elements for o in (*e.get("options", []), *(x for g in e.get("option_groups", []) for x in g["options"]))
    ]


def test_anything_behind_a_button(front: Front) -> None:
    """Any action with any value: what is not theirs or not there gets one kind answer."""
    actions = [
        messages.ACKNOWLEDGE, messages.DETAILS, messages.HAND_ON, messages.CLOSE, case.SAME_PERSON, case.OTHER_PERSON,
        report_form.RESUME, report_form.DISCARD, pages.REPORT, pages.SHOW_MINE, pages.SHOW_QUEUE,
    ]  # fmt: skip
    incident = front.run(front.office.reports())

    @given(st.sampled_from(["dsl", "stranger"]), st.sampled_from(actions) | texts, texts, st.booleans())
    @SLOW
    def check(who: str, action: str, value: str, paired: bool) -> None:
        value = f"{incident.id}|{value}" if paired else value
        drawn(front.run(front.desk.press(front.office.account(who), action, value)))

    check()


def test_anything_typed_as_a_command_or_said_in_a_chat(front: Front) -> None:
    """Help, or the nearest command; never a mention, never markup."""

    @given(texts)
    @SLOW
    def check(typed: str) -> None:
        drawn(front.run(front.desk.command(front.office.account("stranger"), typed)))
        said = front.run(front.desk.chat(front.office.account("stranger"), typed))
        assert problems(blockkit.message(said), "message") == []

    check()


def test_anything_searched_for(front: Front) -> None:
    """Suggestions that Slack can show, each with a value that the form can carry back."""

    @given(texts)
    @example("x " * 20_000)
    @settings(SLOW, max_examples=40)
    def check(typed: str) -> None:
        found = front.run(front.desk.suggest(front.office.account("teacher"), typed))
        options = [blockkit.option(p.value, p.label, hint) for p, hint in found]
        assert not options or option_problems(options) == []

    check()


def test_a_case_with_a_long_life_still_fits(front: Front) -> None:
    """Handed on fifteen times with long reasons, climbed and read: the dialog is one that Slack takes."""
    office, desk = front.office, front.desk

    async def live() -> str:
        people = tuple(f"text:Somebody {n} <!channel> {'long ' * 15}" for n in range(10))
        incident = await office.reports(
            what="😀" * 3000,
            done="<b>" * 1000,
            where="w" * 200,
            targets=people,
            perpetrators=people,
            witnesses=people,
            others=people,
        )
        alert = await office.alert(incident)
        for number in range(15):
            who, to = ("dsl", "deputy") if number % 2 == 0 else ("deputy", "dsl")
            asked = await desk.press(office.account(who), messages.HAND_ON, alert.id)
            key = next(o["value"] for o in _options(asked) if office.people[to].id in o["value"])
            reason = {"to": key, "reason": f"{number} " + "reason & <more> " * 180}
            drawn(await desk.submit(office.account(who), case.HAND_ON_FORM, alert.id, reason))
            office.clock.advance(minutes=15)
            await office.works()
        return incident.id

    incident_id = front.run(live())
    for who in ("dsl", "deputy"):
        drawn(front.run(desk.press(office.account(who), messages.DETAILS, incident_id)))
        drawn(Tell(front.run(desk.queue(office.account(who)))))


def test_a_queue_of_a_hundred_fits(front: Front) -> None:
    """After a bad week the lists are still shown, in a message and on the home page."""
    office, desk = front.office, front.desk

    async def week() -> None:
        for _ in range(60):
            await office.reports()
        office.clock.advance(hours=1)

    front.run(week())
    for who in ("dsl", "teacher"):
        drawn(Tell(front.run(desk.queue(office.account(who)))))
        drawn(Tell(front.run(desk.mine(office.account(who)))))
        assert problems(blockkit.home(front.run(desk.home(office.account(who)))), "home") == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "type", "text", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
states = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["plain_text_input", "radio_buttons", "static_select", "datetimepicker", "multi_external_select", "checkboxes"]
        )
    },
    optional={
        "value": anything,
        "selected_option": anything,
        "selected_options": anything,
        "selected_date_time": anything | st.integers(-(10**20), 10**20),
    },
)


@given(st.dictionaries(st.sampled_from(FIELDS), st.dictionaries(st.sampled_from(["a", "a:lines"]), states, max_size=2)))
@settings(SLOW, max_examples=150)
def test_whatever_a_view_holds_its_values_are_texts_and_lists_of_texts(state: Mapping[str, Any]) -> None:
    """A view that is not as the bot drew it: values of the wrong type are empty or left out, and nothing fails."""
    for value in form_values({"state": {"values": state}}).values():
        assert isinstance(value, str) or (isinstance(value, tuple) and all(isinstance(v, str) for v in value))


def test_times_far_away_are_refused_at_the_field(front: Front) -> None:
    """A picker that says the year 10000, or the one before all years: the same form, the fault at the field."""
    teacher = front.office.account("teacher")

    async def send(seconds: int) -> Reply:
        draft_id = str(uuid4())
        await front.desk.submit(teacher, report_form.KIND, draft_id, {"concern": "grooming", "about": "pupil", "danger": "no"})
        view = {"state": {"values": {"when": {"when": {"type": "datetimepicker", "selected_date_time": seconds}}}}}
        sent = {"what": "x", "illegal": "no", "repeat": "no", **form_values(view)}
        return await front.desk.submit(teacher, report_form.DETAIL, draft_id, sent)

    for seconds in (10**11, int(timedelta(days=36500).total_seconds()) * 10, 9_999_999_999):
        reply = front.run(send(seconds))
        assert isinstance(reply, WrongForm)
        assert set(reply.form.errors) == {"when"}
        drawn(reply)
