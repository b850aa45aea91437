"""E-mail from the whole program: two settings, a mail where Slack does not know somebody, and a line in the lead's queue."""

from pathlib import Path
from urllib.parse import quote

import pytest

from bot.settings import ConsoleMode, MailTls, Settings, SlackMode
from bot.wiring import running
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock
from tests.fakes.mail_server import PASSWORD, USER, FakeMail
from tests.fakes.slack_server import FakeSlack
from tests.story.slack_stage import SlackStage, import_demo_people
from tests.story.stage import BRUNEL, CAST, SAFEGUARDING, write_school


async def test_a_lead_who_is_not_in_slack(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack does not know the safeguarding lead: they get an e-mail at once, and the deputy's queue says so."""
    async with FakeSlack() as slack, FakeMail(tmp_path, tls=MailTls.IMPLICIT, login=True) as mail:
        monkeypatch.setenv("SSL_CERT_FILE", str(mail.ca_file))
        users = {who: slack.add_user(who.title(), email) for who, email in CAST.items() if who != "dsl"}
        channels = {name: slack.add_channel(name, [users["deputy"]], private=True) for name in (SAFEGUARDING, BRUNEL)}
        settings = Settings(
            SLACK_BOT_TOKEN=slack.token,
            SLACK_SIGNING_SECRET=slack.signing_secret,
            SLACK_API_URL=slack.base_url,
            ESAFETY_SLACK_MODE=SlackMode.HTTP,
            ESAFETY_CONSOLE=ConsoleMode.OFF,
            ESAFETY_DATABASE_URL=sqlite_at(tmp_path / "mail.db"),
            ESAFETY_SCHOOLS=write_school(tmp_path / "schools", "slack", channels),
            ESAFETY_SMTP_URL=f"smtps://{quote(USER)}:{quote(PASSWORD, safe='')}@127.0.0.1:{mail.port}",
            ESAFETY_MAIL_FROM=USER,
            PORT=0,
        )
        async with running(settings, clock) as bot:
            bot.worker.idle = 0.02
            await import_demo_people(bot, clock)
            slack.bot_url = f"{bot.address}/slack/events"
            stage = SlackStage(bot, clock, slack, users, channels)
            kind = {"concern": "grooming", "about": "pupil", "danger": "no"}
            reference = await stage.reports("teacher", kind, {"what": "He keeps asking her for pictures"})
            await slack.until(lambda: mail.taken, "a mail has come")
            (sent,) = mail.to(CAST["dsl"])
            assert reference in sent["Subject"]
            assert "Open Slack to answer it" in sent.get_content()
            assert PASSWORD not in sent.as_string()
            queue = await stage.command("deputy", "queue")
            assert f"1 message about {reference} could not be delivered to Slack" in str(queue)
