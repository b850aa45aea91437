"""Traces, where somebody wants them: spans for a command, a message on its way, a transaction. Their attributes are ids.

They need `pip install 'esafety-bot[otel]'` and OTEL_EXPORTER_OTLP_ENDPOINT. Without these nothing of OpenTelemetry is loaded.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.logs import Id, about, dealt_with
from storage.database import Database
from storage.key_ring import RingSource

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

log = logging.getLogger("esafety")

_EXPORT_SECONDS = 2.0


@dataclass(slots=True)
class _Switch:
    tracer: "Tracer | None" = None


# One for the process, as OpenTelemetry has it: what is being done spans every part of the program.
_switch = _Switch()
_unseen: ContextVar[bool] = ContextVar("unseen", default=False)


@contextmanager
def step(name: str, **ids: Id) -> Iterator[None]:
    """Something that is being done: its ids stand in the log lines written meanwhile, and a span tells how long it took."""
    with about(**ids):
        if _switch.tracer is None:
            yield
        else:
            with _span(_switch.tracer, name):
                yield


@contextmanager
def untraced() -> Iterator[None]:
    """What is done meanwhile leaves no span: when it was done is nobody's business."""
    token = _unseen.set(True)
    try:
        yield
    finally:
        _unseen.reset(token)


@contextmanager
def _span(tracer: "Tracer", name: str, **more: Id) -> Iterator[None]:
    from opentelemetry.trace import Status, StatusCode

    known = {f"esafety.{k}": v for k, v in {**dealt_with(), **more}.items() if v is not None}
    # An exception's message may quote what somebody wrote: its type alone is kept.
    with tracer.start_as_current_span(name, attributes=known, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield
        except Exception as broken:
            span.set_attribute("error.type", type(broken).__name__)
            span.set_status(Status(StatusCode.ERROR, type(broken).__name__))
            raise


class TracedDatabase(Database):
    """A database whose transactions are spans."""

    @asynccontextmanager
    async def begin(self, *, write: bool = True, together: bool = False) -> AsyncIterator[Any]:
        """As `Database.begin`."""
        if _switch.tracer is None or _unseen.get() or not (write or _is_within_a_step()):
            # The looks by which the worker finds nothing to do would drown everything else.
            async with super().begin(write=write, together=together) as connection:
                yield connection
            return
        with _span(_switch.tracer, "transaction", write=write):
            async with super().begin(write=write, together=together) as connection:
                yield connection


def _is_within_a_step() -> bool:
    from opentelemetry.trace import get_current_span

    return get_current_span().is_recording()


def open_database(url: str, keys: RingSource | None = None) -> Database:
    """The database, its transactions traced if anything is."""
    return Database(url, keys) if _switch.tracer is None else TracedDatabase(url, keys)


@contextmanager
def traced_by(provider: "TracerProvider") -> Iterator[None]:
    """Hands every span to a provider for as long as this lasts."""
    _switch.tracer = provider.get_tracer("esafety")
    try:
        yield
    finally:
        _switch.tracer = None


def start(endpoint: str) -> Callable[[], None]:
    """Sends spans to a collector, such as http://127.0.0.1:4318, from now on; gives what ends it. Nothing if none is given."""
    if not endpoint:
        return lambda: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set and there are no traces: pip install 'esafety-bot[otel]'")
        return lambda: None
    provider = TracerProvider(resource=Resource.create({"service.name": "esafety-bot"}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _switch.tracer = provider.get_tracer("esafety")

    def stop() -> None:
        _switch.tracer = None
        provider.shutdown()

    return stop
