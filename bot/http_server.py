"""/healthz, /readyz and /metrics."""

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest

from bot.worker import Tally, Worker
from handlers.ports import Clock
from storage.database import Database
from storage.outbox import Backlog, Outbox


def add_health(app: web.Application, database: Database, outbox: Outbox, worker: Worker, clock: Clock) -> None:
    """Adds the three pages to a server."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        ready = await database.ready()
        return web.Response(text="ready\n" if ready else "the database does not answer\n", status=200 if ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        registry = CollectorRegistry()
        registry.register(_Snapshot(await outbox.backlog(clock.now()), worker.tally))
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])


class _Snapshot:
    """What the metrics are at one moment. Counts only: no name, no reference."""

    def __init__(self, backlog: Backlog, tally: Tally) -> None:
        self._backlog = backlog
        self._tally = tally

    def collect(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        b, t = self._backlog, self._tally
        return [
            GaugeMetricFamily("esafety_deliveries_due", "Messages that should have been sent by now", b.deliveries_due),
            GaugeMetricFamily("esafety_deliveries_dead", "Messages given up for good", b.deliveries_dead),
            GaugeMetricFamily("esafety_timers_due", "Timers that should have rung by now", b.timers_due),
            CounterMetricFamily("esafety_messages_sent", "Messages sent since the start", t.sent),
            CounterMetricFamily("esafety_messages_changed", "Messages changed since the start", t.changed),
            CounterMetricFamily("esafety_messages_retried", "Messages put off since the start", t.retried),
            CounterMetricFamily("esafety_worker_failures", "Rounds or messages that failed in our own code", t.failed),
        ]
