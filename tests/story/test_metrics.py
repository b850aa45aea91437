"""/metrics through a story, and that it stays quick with years of cases behind it."""

from collections.abc import Mapping
from contextlib import suppress

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, text

from domain.people import Platform
from storage.database import Database
from storage.watching import Watching
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office
from tests.story.stage import Dialog, Stage, Value
from tests.story.test_log import reports_refused

KIND: dict[str, Value] = {"concern": "nude_image", "about": "pupil", "danger": "no"}
TOLD: dict[str, Value] = {"targets": ["Bea Exemplar"], "what": "A picture goes round", "illegal": "yes"}
Numbers = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


async def page(stage: Stage) -> str:
    """The page as Prometheus gets it."""
    async with aiohttp.ClientSession() as session, session.get(f"{stage.bot.address}/metrics") as answer:
        assert answer.status == 200
        return await answer.text()


async def numbers(stage: Stage) -> Numbers:
    """Everything on the page, by name and labels."""
    found = await page(stage)
    for secret in ("Bea", "Exemplar", "picture", "CSS-", "demo.example", "Okafor"):
        assert secret not in found, secret
    families = text_string_to_metric_families(found)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def of(found: Numbers, name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0)


async def test_the_page_tells_the_story(stage: Stage) -> None:
    """A report, its alert, its acknowledgement and a question: each is counted once, with the times that they took."""
    platform = stage.platform
    first = await stage.command("teacher", "report")
    assert isinstance(first, Dialog)
    reference = await stage.reports("teacher", KIND, TOLD)
    await stage.expects("dsl", reference)
    await stage.settled()
    waiting = await numbers(stage)
    mine = {"school": "chipping-sodbury", "urgency": "critical", "platform": platform}
    assert of(waiting, "esafety_reports_total", **mine) == 1
    assert of(waiting, "esafety_first_alert_seconds_count") == 1
    assert of(waiting, "esafety_first_alert_seconds_sum") == 0, "under a clock that stands still"
    assert of(waiting, "esafety_alerts_unanswered", urgency="critical") == 1
    assert of(waiting, "esafety_alerts_late", urgency="critical") == 0
    assert of(waiting, "esafety_send_seconds_count", platform=platform, outcome="ok") == of(
        waiting, "esafety_messages_sent_total"
    )
    stage.clock.advance(minutes=3)
    await stage.press("dsl", "Acknowledge", reference)
    await stage.settled()
    await stage.ask("teacher", "can I friend an ex-pupil?")
    after = await numbers(stage)
    assert of(after, "esafety_acknowledge_seconds_count", urgency="critical") == 1
    assert of(after, "esafety_acknowledge_seconds_sum", urgency="critical") == 180
    assert of(after, "esafety_alerts_unanswered", urgency="critical") == 0
    assert sum(value for (name, _), value in after.items() if name == "esafety_answers_total") == 1
    assert of(after, "esafety_messages_changed_total") > 0
    assert of(after, "esafety_database_up") == 1
    assert of(after, "esafety_ready") == 1
    assert of(after, "esafety_worker_beat_age_seconds") < 60
    routes = {dict(labels)["route"] for name, labels in after if name == "esafety_http_request_seconds_count"}
    assert routes <= {"/metrics", "/slack/events", "/api/messages", "none", *(r for r in routes if r.startswith("/console/"))}
    assert "/metrics" in routes


async def test_what_waits_and_what_was_given_up_is_shown_with_its_age(stage: Stage) -> None:
    """The outbox by platform and state, the oldest by age, what is dead, and alerts past their deadline."""
    reference = await stage.reports("teacher", KIND, TOLD)
    await stage.expects("dsl", reference)
    await stage.settled()
    stage.clock.advance(hours=2)
    later = stage.clock.now().replace(tzinfo=None) if stage.bot.database.is_sqlite else stage.clock.now()
    async with stage.bot.database.begin() as connection:
        # A platform that is not served, so that nobody takes them meanwhile.
        values = "platform = 'email', message_id = NULL, shown_revision = 0, next_at = :at"
        some = "WHERE id IN (SELECT id FROM deliveries WHERE state = 'sent' ORDER BY id LIMIT 1)"
        await connection.execute(text(f"UPDATE deliveries SET state = 'dead', {values} {some}"), {"at": later})
        await connection.execute(text(f"UPDATE deliveries SET state = 'pending', {values} {some}"), {"at": later})
    stage.clock.advance(minutes=7)
    found = await numbers(stage)
    assert of(found, "esafety_deliveries_dead", platform="email") == 1
    assert of(found, "esafety_outbox_deliveries", platform="email", state="pending") == 1
    assert of(found, "esafety_outbox_oldest_due_seconds", platform="email", state="pending") == 7 * 60
    assert of(found, "esafety_alerts_late", urgency="critical") == 1


async def test_errors_are_counted_by_where_they_are(stage: Stage) -> None:
    """What is logged as an error shows, by the function that says so."""
    before = await numbers(stage)
    first = await stage.command("teacher", "report")
    assert isinstance(first, Dialog)
    await first.fill(KIND)
    second = await first.submit()
    assert second is not None
    await second.fill({f: "no" for f in ("repeat",) if f in second.fields} | TOLD)
    async with reports_refused(stage.bot.database):
        with suppress(AssertionError):  # as in the story of the log
            await second.submit()
    after = await numbers(stage)
    new = [dict(labels)["place"] for (name, labels) in after if name == "esafety_errors_total" and (name, labels) not in before]
    assert len(new) == 1
    assert new[0].startswith("esafety.")


async def test_nobody_counts_whole_tables(database: Database, clock: FakeClock) -> None:
    """Every look at what is unfinished goes by an index that holds what is unfinished alone."""
    async with open_office(database, clock) as office:
        await years_of_cases(office)
        asked: list[tuple[str, object]] = []

        def hear(_c: object, _cursor: object, statement: str, parameters: object, _x: object, _many: object) -> None:
            if statement.startswith("SELECT") and "FROM" in statement:
                asked.append((statement, parameters))

        event.listen(database.engine.sync_engine, "before_cursor_execute", hear)
        watching = Watching(database, [office.school.id])
        live = await watching.live(clock.now())
        event.remove(database.engine.sync_engine, "before_cursor_execute", hear)
        assert live is not None
        assert sum(w.count for w in live.waiting) > 0
        assert set(live.dead) == {Platform.SLACK}
        assert len(asked) == 4
        for statement, parameters in asked:
            plan = await explained(database, statement, parameters)
            assert not [line for line in plan if _reads_all(line)], (statement, plan)


def _reads_all(line: str) -> bool:
    return "Seq Scan" in line or (line.startswith("SCAN") and "USING" not in line)


async def years_of_cases(office: Office) -> None:
    """A case whose messages are sent, one of them given up, and another whose messages wait."""
    incident = await office.reports()
    await office.works()
    await office.reports()
    async with office.database.begin() as connection:
        one = "SELECT min(id) FROM deliveries WHERE incident_id = :case"
        await connection.execute(text(f"UPDATE deliveries SET state = 'dead' WHERE id = ({one})"), {"case": incident.id})


async def explained(database: Database, statement: str, parameters: object) -> list[str]:
    """How the database goes about a statement, if it could choose an index."""
    async with database.begin(write=False) as connection:
        if database.is_sqlite:
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
            return [str(tuple(row)[-1]) for row in rows]
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)  # type: ignore[arg-type]
        return [row[0] for row in rows]
