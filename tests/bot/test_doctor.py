"""`esafety doctor`: each thing that can be wrong is found, named, and comes with how to mend it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
import yaml

from bot.doctor import examine
from bot.settings import DEMO_SCHOOLS, MailTls
from bot.slack.scopes import SCOPES
from domain.people import Kind
from domain.signings import GivenSignature, Signing
from domain.submissions import Doing, Place, Submission, SubmissionState, SubmissionVersion
from domain.surveys import Survey
from storage.database import Database
from storage.people_files import carry_out, plan_import, read_people
from storage.school_files import load_schools
from storage.slack_installs import SlackInstall, SlackInstalls
from storage.store import Store
from tests.conftest import new_database
from tests.fakes.clock import FakeClock
from tests.fakes.keys import ring_for
from tests.fakes.mail_server import PASSWORD, USER, FakeMail
from tests.fakes.slack_server import FakeSlack, LostCall, RateLimited, Refused
from tests.fakes.slack_trust import FakeTrust
from tests.fakes.slack_user import SlackUser
from tests.handlers.office import open_office

SECRET = "0123456789abcdef0123456789abcdef"
LEVELS = ("ok", "warning", "fault")


class Report:
    """What the doctor printed."""

    def __init__(self, exit_code: int, text: str) -> None:
        self.exit_code = exit_code
        self.text = text
        *self.lines, self.summary = text.splitlines()

    def of(self, level: str) -> list[str]:
        return [line for line in self.lines if line.split()[0] == level]

    def says(self, level: str, *words: str) -> str:
        """The line of that level with all these words."""
        found = [line for line in self.of(level) if all(w in line for w in words)]
        assert found, f"no {level} with {words} in\n{self.text}"
        return found[0]


class Practice:
    """A school whose bot is examined: its file, its people, its database and its workspace can be spoilt first."""

    def __init__(self, url: str, slack: FakeSlack, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.slack = slack
        self.users: dict[str, SlackUser] = {}
        self.school: dict[str, Any] = yaml.safe_load((DEMO_SCHOOLS / "chipping-sodbury.yaml").read_text(encoding="utf-8"))
        self.school["roles"]["governors"] = ["t.whitlock@demo.example"]
        self.channel = ""
        self.url = url
        self._patch = patch
        self._capsys = capsys

    def keeps_in(self, url: str) -> None:
        """Has its database there, in place of the one that it was given."""
        self.url = url
        self.set(ESAFETY_DATABASE_URL=url)

    def set(self, **settings: str) -> None:
        for name, value in settings.items():
            self._patch.setenv(name, value)

    def with_slack(self, *, private: bool = True, with_bot: bool = True) -> None:
        """The demo school's staff in a workspace, with a channel for the DSLs."""
        for person in read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF).values():
            self.users[person.email] = self.slack.add_user(person.name, person.email)
        leads = [self.users[f"{lead}@demo.example"] for lead in ("d.okafor", "m.lindqvist")]
        self.channel = self.slack.add_channel("safeguarding", leads, private=private, with_bot=with_bot)
        self.school["channels"] = {"slack": {"dsl": self.channel, "deputy_dsl": self.channel}}
        self.set(SLACK_BOT_TOKEN=self.slack.token, SLACK_APP_TOKEN=self.slack.app_token, SLACK_API_URL=self.slack.base_url)

    def write(self, name: str = "css", **more: str) -> None:
        """Writes the school's file, or another's that is the same but for something."""
        Path("schools").mkdir(exist_ok=True)
        Path(f"schools/{name}.yaml").write_text(yaml.safe_dump({**self.school, **more}), encoding="utf-8")

    async def has_people(self, kinds: tuple[Kind, ...] = (Kind.STAFF, Kind.PUPIL), without: str = "", text: str = "") -> None:
        """Imports the demo lists, or one of staff with that text, leaving out whoever has that e-mail."""
        self.write()
        if self.url.startswith("sqlite") and not is_there(self.url):
            async with new_database("sqlite", Path(self.url.removeprefix("sqlite:///")).parent) as made:
                assert made == self.url
        database = Database(self.url, ring_for(self.url))
        await database.migrate()
        async with Store(database).transaction(load_schools(Path("schools"))["css"]) as records:
            for kind in kinds:
                source = DEMO_SCHOOLS / ("staff.csv" if kind is Kind.STAFF else "pupils.csv")
                if text:
                    source = Path("staff.csv")
                    source.write_text(text, encoding="utf-8")
                people = {key: p for key, p in read_people(source, kind).items() if key != without}
                await carry_out(records, await plan_import(records, kind, people), FakeClock().now())
        await database.close()

    async def examined(self) -> Report:
        """Runs the doctor."""
        self.write()
        code = await examine()
        said = self._capsys.readouterr()
        assert said.err == ""
        report = Report(code, said.out)
        assert code == bool(report.of("fault"))
        for line in report.lines:
            assert line.startswith(LEVELS)
            assert line.startswith("ok") or " -> " in line, f"how is this mended? {line}"
        for secret in (self.slack.token, self.slack.app_token, SECRET, "Demosson", "Okafor"):
            assert secret not in said.out
        return report


@pytest_asyncio.fixture
async def practice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Practice]:
    """The demo school as a real one, with one more governor."""
    async with FakeSlack(token="xoxb-test-1234", app_token="xapp-test-1234", scopes=",".join(SCOPES)) as slack:
        practice = Practice(f"sqlite:///{tmp_path / 'esafety.db'}", slack, monkeypatch, capsys)
        practice.set(ESAFETY_SCHOOLS="schools", ESAFETY_DATABASE_URL=practice.url)
        yield practice


def is_there(url: str) -> bool:
    """Whether there is a file or folder where an SQLite address points."""
    return Path(url.removeprefix("sqlite:///")).exists()


def make_empty(url: str) -> None:
    """An SQLite database with nothing in it is an empty file."""
    Path(url.removeprefix("sqlite:///")).touch()


# All well


async def test_all_is_well(practice: Practice) -> None:
    """No fault; as warnings the review date is past, no mail and no head goes out, and two agencies are not filled in."""
    practice.with_slack()
    await practice.has_people()
    report = await practice.examined()
    assert report.exit_code == 0
    assert len(report.of("warning")) == 4
    report.says("warning", "no head of the audit leaves this machine", "ESAFETY_AUDIT_HEADS")
    report.says("warning", "the policy was due for review on 2023-05-31")
    report.says("warning", "no mail server: what no chat can deliver is seen only by those who look", "ESAFETY_SMTP_URL")
    report.says("warning", "no way given to local_authority, prevent", "under agencies in css.yaml")
    assert report.summary == "No faults, 4 warnings."
    for words in (
        "settings: complete",
        "its tables are up to date",
        "8 staff and 6 pupils",
        "everybody who holds a role is on the staff list",
        "every alert ends in somebody",
        "the bot token is good for the workspace School",
        "the scopes it needs and no others",
        "the app token opens Socket Mode",
        "#safeguarding is private and has the bot in it",
        "is on the staff list",
        "everybody who holds a role has a Slack account",
    ):
        report.says("ok", words)


async def test_all_is_well_on_either_database(database_url: str, practice: Practice) -> None:
    """The same checks on SQLite and PostgreSQL."""
    practice.keeps_in(database_url)
    await practice.has_people()
    report = await practice.examined()
    assert report.exit_code == 0
    report.says("ok", "database: answers")


async def test_without_slack_only_the_console_is_served(practice: Practice) -> None:
    """That is no fault: it is said."""
    await practice.has_people()
    report = await practice.examined()
    report.says("ok", "Slack and Teams: not set up", "only the console")
    assert not practice.slack.calls


async def test_a_fresh_demo_is_no_fault(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first `make run` there is no database: it and its people come with the first start."""
    monkeypatch.delenv("ESAFETY_SCHOOLS")
    assert await examine() == 0
    assert not is_there(practice.url)


# Settings, school files, database, people


async def test_wrong_settings_end_it(practice: Practice) -> None:
    """Nothing can be judged without settings."""
    practice.set(SLACK_BOT_TOKEN="xoxp-of-a-person")
    report = await practice.examined()
    assert len(report.lines) == 1
    report.says("fault", "SLACK_BOT_TOKEN is wrong")
    assert "of-a-person" not in report.text


async def test_a_wrong_school_file_is_named_and_the_rest_is_looked_at(practice: Practice) -> None:
    """One broken line, one line of the doctor's; the database and Slack are examined all the same."""
    practice.with_slack()
    await practice.has_people()
    practice.school["policy"] = "eton"
    report = await practice.examined()
    report.says("fault", "css.yaml", "no policy called 'eton'", "example-school.yaml")
    report.says("ok", "database: answers")
    report.says("ok", "the bot token is good")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://esafety:hunter2@127.0.0.1:1/esafety", "does not answer"),
        ("postgresql://esafety:hunter2@no-such-host.invalid/esafety", "does not answer"),
        ("mysql://esafety:hunter2@127.0.0.1/esafety", "ESAFETY_DATABASE_URL must be"),
        ("sqlite:////dev/null/esafety.db", "cannot be written"),
        ("sqlite:///not-there/yet.db", "is not there yet"),
    ],
)
async def test_a_database_that_cannot_be_used(url: str, words: str, practice: Practice) -> None:
    """Said in one line without the password, and nothing is made on the way."""
    practice.set(ESAFETY_DATABASE_URL=url)
    report = await practice.examined()
    report.says("fault", "database: ", words)
    assert report.exit_code == 1
    assert "hunter2" not in report.text
    assert not is_there("sqlite:///not-there")


async def test_an_empty_database_is_not_ready(empty_database_url: str, practice: Practice) -> None:
    """Without the tables nothing can be relied on, and it is said what makes them."""
    if empty_database_url.startswith("sqlite"):
        make_empty(empty_database_url)
    practice.set(ESAFETY_DATABASE_URL=empty_database_url)
    report = await practice.examined()
    report.says("fault", "its tables are not those of this version", "people import")


async def test_nobody_was_imported(practice: Practice) -> None:
    """Without a staff list nobody can be alerted; the command that mends it is given."""
    await practice.has_people(())
    report = await practice.examined()
    report.says("fault", "no staff list", "esafety people import staff.csv pupils.csv --school css")
    await practice.has_people((Kind.STAFF,))
    report = await practice.examined()
    assert report.exit_code == 0
    report.says("warning", "no list of pupils", "esafety people import")


# Roles and chains


async def test_a_role_whose_address_nobody_has(practice: Practice) -> None:
    """A slip of the keys in the school file would lose alerts: the address and its roles are named."""
    practice.school["roles"]["dsl"] = ["d.okafro@demo.example"]
    practice.school["roles"]["it_support"] = ["d.okafro@demo.example"]
    await practice.has_people()
    report = await practice.examined()
    line = report.says("fault", "d.okafro@demo.example", "is not on the staff list")
    assert "dsl, it_support" in line


async def test_a_holder_who_has_left(practice: Practice) -> None:
    """Whoever is no longer on the staff list is told from whoever never was."""
    await practice.has_people()
    await practice.has_people((Kind.STAFF,), without="d.okafor@demo.example")
    report = await practice.examined()
    report.says("fault", "d.okafor@demo.example holds dsl but has left")
    report.says("warning", "nobody holds dsl, which the policy alerts; deputy_dsl is asked instead")


async def test_a_chain_that_ends_in_nobody(practice: Practice) -> None:
    """With IT alone in the file, whatever is not for IT would be alerted to nobody."""
    practice.school["roles"] = {"it_support": ["i.nowak@demo.example"]}
    await practice.has_people()
    report = await practice.examined()
    for role in ("dsl", "headteacher", "chair_of_governors", "head_of_house"):
        report.says("fault", f"an alert for {role} reaches nobody", "roles.chair_of_governors")


async def test_a_report_about_the_headteacher_must_reach_somebody_else(practice: Practice) -> None:
    """Where the headteacher stands in for every role, a report that names them would reach nobody."""
    head = "h.pemberton@demo.example"
    practice.school["roles"] = {r: [head] for r in ("dsl", "deputy_dsl", "headteacher", "chair_of_governors")}
    await practice.has_people()
    report = await practice.examined()
    report.says("fault", "a report that names the headteacher reaches nobody", "a person who is not the headteacher")
    report.says("warning", f"{head} is the only one ever asked for")


async def test_a_fallback_that_is_the_same_person(practice: Practice) -> None:
    """Danecourt's acting head is also its e-safety officer: the first step up is none, and the chair is the next."""
    practice.school["policy"] = "danecourt"
    practice.school["roles"]["esafety_officer"] = practice.school["roles"]["headteacher"]
    await practice.has_people()
    report = await practice.examined()
    assert report.exit_code == 0
    report.says("warning", "esafety_officer falls back on headteacher, which the same person holds")


async def test_a_house_without_a_head(practice: Practice) -> None:
    """The house is named, and that the next on the ladder is asked; it is no fault."""
    del practice.school["roles"]["head_of_house"]["Fry"]
    await practice.has_people()
    report = await practice.examined()
    assert report.exit_code == 0
    report.says("warning", "no head_of_house for the house Fry", "roles.head_of_house")


async def test_roles_that_nobody_holds(practice: Practice) -> None:
    """One that the policy alerts, with who is asked instead; those that only stand on a ladder, together."""
    del practice.school["roles"]["it_support"]
    del practice.school["roles"]["governors"]
    practice.school["policy"] = "elton"
    await practice.has_people()
    report = await practice.examined()
    assert report.exit_code == 0
    report.says("warning", "nobody holds class_teacher, which the policy alerts; headteacher is asked instead")
    report.says("warning", "nobody holds governors, to whom an unanswered alert would climb")
    report.says("warning", "c.adeyemi@demo.example is the only one ever asked for chair_of_governors")


async def test_a_role_that_must_sign_and_that_nobody_holds(practice: Practice) -> None:
    """Who is asked instead is named; where nobody is left, that no case is ever signed off."""
    practice.school["policy"] = "danecourt"
    await practice.has_people()
    report = await practice.examined()
    assert not [line for line in report.of("warning") if "signs closed cases" in line]
    del practice.school["roles"]["governors"]
    report = await practice.examined()
    report.says("warning", "nobody holds governors, which signs closed cases; chair_of_governors is asked instead")
    for role in ("chair_of_governors", "senior_leadership"):
        del practice.school["roles"][role]
    report = await practice.examined()
    report.says("warning", "nobody holds governors, which signs closed cases; no case is ever signed off", "roles.governors")


HEAD, ALONE = "h.pemberton@demo.example", "the only person who holds"


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        (
            {"dsl": [HEAD]},
            f"{ALONE} headteacher, which signs closed cases, answers for cases too, as dsl; chair_of_governors signs what",
        ),
        (
            {"governors": [HEAD], "chair_of_governors": []},
            f"{ALONE} governors signs closed cases in another role too, and nobody signs one twice; no case is ever signed off",
        ),
        (
            {"governors": ["t.whitlock@demo.example"], "chair_of_governors": []},
            f"{ALONE} headteacher, which signs closed cases, answers for cases too, as headteacher; nobody can sign what they",
        ),
    ],
)
async def test_whoever_must_sign_and_deals_with_cases_too(roles: dict[str, list[str]], said: str, practice: Practice) -> None:
    """Nobody signs alone what they have dealt with alone, nor two lines of a form."""
    practice.school["policy"] = "danecourt"
    practice.school["roles"] |= roles
    await practice.has_people()
    report = await practice.examined()
    report.says("warning", said)


# Beside the cases


async def test_a_register_of_consent_that_nobody_keeps(practice: Practice) -> None:
    """Every answer would be a no for ever: which roles keep it, and where they are given."""
    practice.school["policy"] = "elton"
    await practice.has_people()
    assert "register of consent" not in (await practice.examined()).text
    del practice.school["roles"]["headteacher"]
    report = await practice.examined()
    report.says("warning", "nobody holds headteacher, who keep the register of consent", "roles in css.yaml", "consent.yaml")


async def test_who_has_not_signed_is_read_by_nobody(practice: Practice) -> None:
    """Only where the school's staff sign in the chat; what it is about is named."""
    for role in ("dsl", "deputy_dsl", "headteacher", "senior_leadership"):
        practice.school["roles"].pop(role, None)
    practice.school["signing"] = False
    await practice.has_people()
    assert "not signed" not in (await practice.examined()).text
    practice.school["signing"] = True
    report = await practice.examined()
    report.says(
        "warning", "nobody holds dsl, deputy_dsl, headteacher", "not signed acceptable-use, policy-read", "signing.yaml"
    )
    practice.school["roles"]["headteacher"] = [HEAD]
    assert "not signed" not in (await practice.examined()).text


async def test_a_text_that_was_changed_after_it_was_signed(database_url: str, practice: Practice) -> None:
    """How many signed another, and what to do; nobody is named."""
    practice.keeps_in(database_url)
    practice.school["signing"] = True
    await practice.has_people()
    assert "without a new version" not in (await practice.examined()).text
    database, now = Database(database_url, ring_for(database_url)), datetime.now(UTC)
    school = load_schools(Path("schools"))["css"]
    agreement = school.agreements["policy-read"]
    async with Store(database).transaction(school) as records:
        for n in range(2):
            signing = Signing(f"s{n}" * 16, agreement.id, f"p{n}" * 16, agreement.version, now, now)
            who = (signing.person_id, signing.person_id, now, agreement.version)
            await records.add_signature(
                await records.hold_signing(signing),
                GivenSignature(f"g{n}" * 16, signing.id, 1, *who, "another text", "Somebody", agreement.title),
            )
    await database.close()
    report = await practice.examined()
    report.says("warning", "policy-read was changed since 2 people signed it, without a new version", "signing.yaml")


async def test_requests_of_a_kind_that_the_policy_has_no_more(database_url: str, practice: Practice) -> None:
    """Nobody is reminded of them: how many of which kind, and what to do; those that are over are none."""
    practice.keeps_in(database_url)
    await practice.has_people()
    assert "which the policy has no more" not in (await practice.examined()).text
    database, now = Database(database_url, ring_for(database_url)), datetime.now(UTC)
    async with Store(database).transaction(load_schools(Path("schools"))["css"]) as records:
        for n, state in enumerate((SubmissionState.WAITING, SubmissionState.GRANTED, SubmissionState.REFUSED)):
            place = Place(state)
            new = Submission(f"s{n}" * 16, "lend-camera", f"CSS-P-2026-000{n}", "p" * 32, now, now, 1, place)
            await records.add_submission(new, SubmissionVersion(new.id, new.id, 1, "p" * 32, now, Doing.SENT, place, {}), None)
    await database.close()
    report = await practice.examined()
    report.says("warning", "2 requests are open of the type lend-camera, which the policy has no more", "requests.yaml")


async def test_surveys_that_lead_nowhere_or_that_nobody_runs(database_url: str, practice: Practice) -> None:
    """One that is open while the page is off, and a page that nobody could open a survey for."""
    practice.keeps_in(database_url)
    await practice.has_people()
    assert " survey" not in (await practice.examined()).text
    database, now = Database(database_url, ring_for(database_url)), datetime.now(UTC)
    school = load_schools(Path("schools"))["css"]
    survey = Survey("s" * 32, next(iter(school.policy.surveys.values())), "p" * 32, now, now + timedelta(days=3), 5)
    async with Store(database).transaction(school) as records:
        await records.add_survey(survey)
    await database.close()
    report = await practice.examined()
    report.says("warning", "1 survey is open", "the links lead nowhere", "surveys.address in css.yaml")
    practice.school["surveys"] = {"address": "http://127.0.0.1:3978"}
    assert " survey" not in (await practice.examined()).text
    for role in ("dsl", "deputy_dsl", "headteacher", "senior_leadership"):
        practice.school["roles"].pop(role, None)
    report = await practice.examined()
    report.says("warning", "who run surveys, so that none can be opened, looked at or closed")


async def test_a_page_for_anybody_beside_the_console(practice: Practice) -> None:
    """The bot would not start: that is found before somebody tries."""
    await practice.has_people()
    practice.school["surveys"] = {"address": "https://esafety.demo.example"}
    report = await practice.examined()
    report.says("fault", "lets people in from outside", "does not start")


async def test_a_line_manager_who_is_not_listed(practice: Practice) -> None:
    """Where the policy alerts line managers, those that the staff list names must be on it."""
    practice.school["policy"] = "cookridge"
    staff = (DEMO_SCHOOLS / "staff.csv").read_text(encoding="utf-8")
    await practice.has_people((Kind.STAFF,), text=staff.replace("b.marsh@demo.example\n", "gone@demo.example\n"))
    report = await practice.examined()
    report.says("warning", "line managers who are not on it: gone@demo.example")


# Slack

BREAKS: Mapping[str, tuple[Callable[[Practice], None], tuple[str, ...]]] = {
    "a wrong bot token": (
        lambda p: p.set(SLACK_BOT_TOKEN="xoxb-wrong"),
        ("SLACK_BOT_TOKEN is refused (invalid_auth)", "OAuth & Permissions"),
    ),
    "a token that was revoked": (
        lambda p: p.slack.next_calls("auth.test", 1, Refused("token_revoked")),
        ("SLACK_BOT_TOKEN is refused (token_revoked)",),
    ),
    "a wrong app token": (
        lambda p: p.set(SLACK_APP_TOKEN="xapp-wrong"),
        ("SLACK_APP_TOKEN is refused (invalid_auth)", "connections:write"),
    ),
    "a missing scope": (
        lambda p: setattr(p.slack, "scopes", ",".join(SCOPES - {"im:history"})),
        ("lacks the scope im:history", "Reinstall"),
    ),
    "missing scopes that are used at once": (
        lambda p: setattr(p.slack, "scopes", ",".join(SCOPES - {"users:read.email", "groups:read"})),
        ("lacks the scopes groups:read, users:read.email",),
    ),
    "Slack out of reach": (lambda p: p.slack.next_calls("auth.test", 9, LostCall()), ("Slack: out of reach", "slack.com")),
    "Slack lost on the way": (
        lambda p: p.slack.next_calls("users.lookupByEmail", 9, LostCall()),
        ("css: Slack went out of reach",),
    ),
    "Socket Mode lost on the way": (
        lambda p: p.slack.next_calls("apps.connections.open", 9, LostCall()),
        ("Socket Mode is out of reach",),
    ),
    "an error of Slack's own": (
        lambda p: p.slack.next_calls("conversations.info", 1, Refused("internal_error")),
        ("cannot be looked up (internal_error)",),
    ),
    "another workspace": (
        lambda p: p.school.update(slack_team="T0OTHER"),
        ("slack_team is T0OTHER, but the bot token is of T0SCHOOL",),
    ),
    "no such channel": (
        lambda p: p.school["channels"]["slack"].update(dsl="C0NOWHERE"),
        ("there is no channel C0NOWHERE", "/invite"),
    ),
    "an archived channel": (lambda p: setattr(p.slack.channels[p.channel], "is_archived", True), ("is archived",)),
    "a role holder without an account": (
        lambda p: setattr(p.users["c.adeyemi@demo.example"].person, "deactivated", True),
        ("c.adeyemi@demo.example holds chair_of_governors but has no account",),
    ),
}


@pytest.mark.parametrize("case", BREAKS)
async def test_what_is_wrong_in_slack_is_a_fault(case: str, practice: Practice) -> None:
    """Each is named with what Slack says, and where it is mended; the exit code is 1."""
    spoil, words = BREAKS[case]
    practice.with_slack()
    spoil(practice)
    await practice.has_people()
    report = await practice.examined()
    assert report.exit_code == 1
    report.says("fault", *words)


@pytest.mark.parametrize("private", [True, False])
async def test_a_channel_without_the_bot(private: bool, practice: Practice) -> None:
    """Whether Slack hides the channel or shows it, the line says how to invite the bot."""
    practice.with_slack(private=private, with_bot=False)
    await practice.has_people()
    report = await practice.examined()
    report.says("fault", "the bot", "/invite @online_safety")
    assert not practice.slack.calls_of("conversations.members")


async def test_a_channel_that_anybody_can_join(practice: Practice) -> None:
    """A public channel shows its alerts to the whole workspace: a warning."""
    practice.with_slack(private=False)
    await practice.has_people()
    report = await practice.examined()
    assert report.exit_code == 0
    report.says("warning", "#safeguarding is public", "make it private")


async def test_strangers_in_a_channel(practice: Practice) -> None:
    """Members who are not on the staff list are counted and given by their ids, over all pages; the bot itself is none."""
    practice.with_slack()
    practice.slack.page_size = 1
    strangers = [practice.slack.add_user(f"Stranger {n}", f"s{n}@elsewhere.example") for n in range(7)]
    practice.slack.channels[practice.channel].members += [s.id for s in strangers]
    await practice.has_people()
    report = await practice.examined()
    assert report.exit_code == 0
    line = report.says("warning", "7 not on the staff list", strangers[0].id, "and 2 more", "it is avoided")
    assert "Stranger" not in line


async def test_more_rights_than_needed(practice: Practice) -> None:
    """An app that may read files or channels is pointed out."""
    practice.with_slack()
    practice.slack.scopes = ",".join([*SCOPES, "files:read"])
    await practice.has_people()
    report = await practice.examined()
    assert report.exit_code == 0
    report.says("warning", "more than it needs: files:read")


async def test_over_http_the_signing_secret_counts(practice: Practice) -> None:
    """No app token is asked for; a secret that cannot be Slack's is pointed out."""
    practice.with_slack()
    practice.set(ESAFETY_SLACK_MODE="http", SLACK_APP_TOKEN="", SLACK_SIGNING_SECRET=SECRET)
    await practice.has_people()
    report = await practice.examined()
    assert report.exit_code == 0
    report.says("ok", "the signing secret is set")
    assert not practice.slack.calls_of("apps.connections.open")
    practice.set(SLACK_SIGNING_SECRET=SECRET[:-1])
    (await practice.examined()).says("warning", "SLACK_SIGNING_SECRET does not have the 32 characters")


async def test_slack_asks_for_patience(practice: Practice) -> None:
    """A rate limit is waited out, and is no finding."""
    practice.with_slack()
    practice.slack.next_calls("users.lookupByEmail", 1, RateLimited(1))
    await practice.has_people()
    assert (await practice.examined()).exit_code == 0


async def test_without_a_database_slack_is_examined_as_far_as_can_be(practice: Practice) -> None:
    """Whom the school file names is looked up; who is a stranger cannot be known."""
    practice.with_slack()
    report = await practice.examined()
    report.says("fault", "is not there yet")
    report.says("ok", "everybody who holds a role has a Slack account")
    assert not practice.slack.calls_of("conversations.members")


# A trust with a workspace for each school


@asynccontextmanager
async def a_trust(practice: Practice) -> AsyncIterator[FakeTrust]:
    """The same school, its workspace behind an app that is open to many; the bot is installed nowhere yet."""
    practice.with_slack()
    practice.slack.token = "xoxb-of-the-workspace"
    async with FakeTrust(FakeSlack(team_id="T0STRAY")) as trust:
        trust.workspaces[practice.slack.team_id] = practice.slack
        practice._patch.delenv("SLACK_BOT_TOKEN")
        practice.set(
            SLACK_CLIENT_ID="1.2",
            SLACK_CLIENT_SECRET=SECRET,
            SLACK_SIGNING_SECRET=SECRET,
            SLACK_API_URL=trust.base_url,
            ESAFETY_SLACK_MODE="http",
        )
        practice.school["slack_team"] = practice.slack.team_id
        yield trust


async def installed(practice: Practice, team: str, token: str) -> None:
    """The bot is installed in a workspace, with that token."""
    database = Database(practice.url, ring_for(practice.url))
    install = SlackInstall(team, "Staff", token, "U0BOT", "U0ADMIN", FakeClock().now())
    await SlackInstalls(database).save(install, "css", ())
    await database.close()


async def test_a_workspace_that_has_the_bot(practice: Practice) -> None:
    """Everything is looked at with the workspace's own token."""
    async with a_trust(practice):
        await practice.has_people()
        await installed(practice, practice.slack.team_id, practice.slack.token)
        report = await practice.examined()
        assert report.exit_code == 0
        for words in (
            "css: the bot is installed in the workspace School",
            "css: the bot has the scopes it needs and no others",
            "#safeguarding is private and has the bot in it",
            "everybody who holds a role has a Slack account",
            "Slack posts to /slack/events",
        ):
            report.says("ok", words)
        assert "xoxb" not in report.text


async def test_nothing_is_installed_yet(practice: Practice) -> None:
    """A fault for each school, with the page to open."""
    async with a_trust(practice):
        await practice.has_people()
        report = await practice.examined()
        report.says("fault", "css: the bot is not installed", "slack_not_installed", "/slack/install?team=T0SCHOOL")
        assert not practice.slack.calls


async def test_a_workspaces_token_that_is_refused(practice: Practice) -> None:
    """Slack's word for it, and the page on which it is installed again."""
    async with a_trust(practice):
        await practice.has_people()
        await installed(practice, practice.slack.team_id, "xoxb-of-yesterday")
        report = await practice.examined()
        report.says("fault", "css: Slack refuses the token", "(invalid_auth)", "messages wait", "/slack/install?team=T0SCHOOL")
        assert "xoxb" not in report.text


async def test_a_workspace_with_too_few_scopes(practice: Practice) -> None:
    """The scope is named, of which school, and where it is given."""
    async with a_trust(practice):
        await practice.has_people()
        practice.slack.scopes = ",".join(SCOPES - {"im:history"})
        await installed(practice, practice.slack.team_id, practice.slack.token)
        report = await practice.examined()
        report.says("fault", "css: the bot lacks the scope im:history", "/slack/install?team=T0SCHOOL")


async def test_a_workspace_out_of_reach(practice: Practice) -> None:
    """It is said of the school."""
    async with a_trust(practice):
        await practice.has_people()
        await installed(practice, practice.slack.team_id, practice.slack.token)
        practice.slack.next_calls("auth.test", 9, LostCall())
        report = await practice.examined()
        report.says("fault", "css: Slack is out of reach")


async def test_a_school_that_names_no_workspace(practice: Practice) -> None:
    """Nobody there could ever report: a fault, with the line to add."""
    async with a_trust(practice):
        del practice.school["slack_team"]
        await practice.has_people()
        report = await practice.examined()
        report.says("fault", "css: the school file names no Slack workspace", "slack_team: T...")


async def test_a_workspace_that_is_nobodys(practice: Practice) -> None:
    """Installed, and then its school's file was changed or taken away: a warning."""
    async with a_trust(practice):
        await practice.has_people()
        await installed(practice, "T0GONE", "xoxb-of-yesterday")
        report = await practice.examined()
        report.says("warning", "installed in the workspace T0GONE, which no school file names")


async def test_two_schools_in_one_workspace(practice: Practice) -> None:
    """Both files are named; nothing else can be judged."""
    async with a_trust(practice):
        await practice.has_people()
        practice.write("other", prefix="OTH")
        report = await practice.examined()
        report.says("fault", "css.yaml and other.yaml name the same workspace", "correct slack_team")


async def test_a_trusts_database_that_is_not_there_is_not_made(practice: Practice) -> None:
    """What cannot be read is said once, and looking for installations makes no file."""
    async with a_trust(practice):
        practice.write()
        report = await practice.examined()
        report.says("fault", "is not there yet")
        assert not is_there(practice.url)


# The school's calendar


def days_from_now(first: int, last: int) -> str:
    today = datetime.now(ZoneInfo("Europe/London")).date()
    return f"{today + timedelta(days=first)}/{today + timedelta(days=last)}"


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        ({"terms": [days_from_now(-60, 20)]}, "the last term in the school file ends on"),
        ({"terms": [days_from_now(-60, -2)]}, "since then every weekday counts as a school day"),
        ({"terms": [days_from_now(-60, 90)], "closed": [days_from_now(1, 2)]}, ""),
        ({"closed": [days_from_now(1, 2)]}, "after that no holiday is known"),
        ({"closed": [days_from_now(-9, -2)]}, "the last day closed in the school file ended on"),
        ({"closed": [days_from_now(60, 70)]}, ""),
        ({}, ""),
    ],
)
async def test_a_calendar_that_ends(practice: Practice, calendar: dict[str, Any], said: str) -> None:
    """A month before it is over it is said, and after it too, with what counts then; a school that lists nothing is let be."""
    practice.school |= calendar
    report = await practice.examined()
    if said:
        report.says("warning", "css: the last", said, "add the next", "in css.yaml")
    else:
        assert "in the school file end" not in report.text


# E-mail, and what was given up


async def test_the_mail_server(practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lets the bot in, or it is said what is wrong; the password is not, and no mail is sent."""
    await practice.has_people()
    async with FakeMail(tmp_path, tls=MailTls.IMPLICIT, login=True) as mail:
        monkeypatch.setenv("SSL_CERT_FILE", str(mail.ca_file))
        where = f"127.0.0.1:{mail.port}"
        practice.set(ESAFETY_MAIL_FROM=USER, ESAFETY_SMTP_URL=f"smtps://{quote(USER)}:{quote(PASSWORD, safe='')}@{where}")
        report = await practice.examined()
        report.says("ok", f"e-mail: {where} lets the bot in, encrypted; no mail was sent")
        practice.set(ESAFETY_SMTP_URL=f"smtps://{quote(USER)}:hunter2@{where}")
        report = await practice.examined()
        report.says("fault", f"e-mail: {where} does not take user and password", "correct user and password")
        assert "hunter2" not in report.text
        assert not mail.taken
    report = await practice.examined()
    report.says("fault", f"e-mail: {where} cannot be reached", "check host and port")


async def test_what_could_not_be_delivered(database_url: str, practice: Practice) -> None:
    """How many, by which platform, why and since when; no case and no person."""
    practice.keeps_in(database_url)
    await practice.has_people()
    database, clock = Database(database_url, ring_for(database_url)), FakeClock()
    async with open_office(database, clock) as office:
        office.post.unknown = {office.people["dsl"].id}
        incident = await office.reports()
        await office.works()
    await database.close()
    report = await practice.examined()
    line = report.says("warning", "could not be delivered by slack (users_not_found)", "24 Nov 2026, 10:00 UTC")
    assert " 1 message " in line
    assert incident.reference not in report.text
