"""Traces through a story, where somebody wants them; and nothing of them where nobody does."""

import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from bot.tracing import start, traced_by
from tests.conftest import new_database
from tests.fakes.clock import FakeClock
from tests.story.slack_stage import slack_stage
from tests.story.stage import DEMO, Dialog, Value
from tests.story.test_log import reports_refused
from tests.story.test_surveys import DOOR, Visitor, opens

ROOT = Path(__file__).parents[2]
KIND: dict[str, Value] = {"concern": "nude_image", "about": "pupil", "danger": "no"}
TOLD: dict[str, Value] = {"targets": ["Ozzy Zarathustra"], "what": "A picture goes round", "illegal": "yes"}
ALLOWED = {
    f"esafety.{name}"
    for name in (
        "school",
        "platform",
        "incident",
        "alert",
        "request",
        "kind",
        "command",
        "route",
        "write",
        "delivery",
        "attempt",
    )
}


def within(spans: tuple[ReadableSpan, ...], outer: ReadableSpan, name: str) -> list[ReadableSpan]:
    """The spans of that name that were part of another."""
    of = outer.context.span_id if outer.context else None
    return [s for s in spans if s.name == name and s.parent is not None and s.parent.span_id == of]


async def test_an_answer_to_a_survey_leaves_no_span(tmp_path: Path, clock: FakeClock) -> None:
    """A span would say when somebody answered. That a lead opened it is one like any other."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    on = {**DEMO, "surveys": {"address": DOOR}}
    with traced_by(provider):
        async with new_database("sqlite", tmp_path) as url, slack_stage(url, tmp_path, clock, school_file=on) as stage:
            _, path = await opens(stage, "dsl")
            await stage.settled()
            # What the program does by itself meanwhile is not of it.
            stage.bot.worker.idle = 60
            before = len(exporter.get_finished_spans())
            await Visitor(stage, path).answers()
            found = exporter.get_finished_spans()[before:]
    assert any(s.name == "desk.submit" for s in exporter.get_finished_spans())
    assert [s.name for s in found if (s.attributes or {}).get("esafety.school")] == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_command_a_delivery_and_their_transactions_are_spans(kind: str, tmp_path: Path, clock: FakeClock) -> None:
    """Each with ids for attributes and nothing else; what fails says with what type of error, and not with what words."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with traced_by(provider):
        async with new_database(kind, tmp_path) as url, slack_stage(url, tmp_path, clock) as stage:
            reference = await stage.reports("teacher", KIND, TOLD)
            await stage.expects("dsl", reference)
            await stage.settled()
            first = await stage.command("teacher", "report")
            assert isinstance(first, Dialog)
            await first.fill(KIND)
            second = await first.submit()
            assert second is not None
            await second.fill({**TOLD, "repeat": "no"} if "repeat" in second.fields else TOLD)
            async with reports_refused(stage.bot.database):
                await second.submit()
    spans = exporter.get_finished_spans()
    submitted = [s for s in spans if s.name == "desk.submit"]
    assert within(spans, submitted[1], "transaction")
    sent = [s for s in spans if s.name == "delivery.send" and (s.attributes or {}).get("esafety.kind") == "alert"]
    assert sent
    assert {"esafety.incident", "esafety.alert", "esafety.platform", "esafety.school"} <= set(sent[0].attributes or {})
    failed = [s for s in submitted if s.status.status_code is StatusCode.ERROR]
    assert [(s.attributes or {})["error.type"] for s in failed] == ["IntegrityError"]
    for span in spans:
        assert set(span.attributes or {}) <= {*ALLOWED, "error.type"}, span.name
        assert not span.events, "an event would hold the exception's message"
        for secret in ("Ozzy", "Zarathustra", "picture", "CSS-", "demo.example"):
            assert secret not in span.to_json(), secret


def test_without_an_address_nothing_of_it_is_loaded() -> None:
    """Nobody pays for what they do not use: OpenTelemetry is not even imported."""
    program = (
        "import sys; import bot.wiring; from bot.tracing import start; start('')();"
        "print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "[]"


async def test_without_the_extra_the_log_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An address for traces and no OpenTelemetry: the bot runs, and says so."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    start("http://127.0.0.1:4318")()
    assert "pip install 'esafety-bot[otel]'" in caplog.text


async def test_a_collector_that_is_away_costs_nothing_but_the_traces() -> None:
    """Spans that cannot be sent are dropped, and the end of the program does not wait long for them."""
    from bot.tracing import step

    stop = start("http://127.0.0.1:9")
    with step("trial", school="demo"):
        pass
    stop()
