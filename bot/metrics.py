"""What the running bot counts, for Prometheus. Counts and times only: no label holds a person, a reference or words.

Every running bot has a registry of its own. What it counts begins at its start; what waits is looked up in the database when
it is asked for, so that it is the same whichever process is asked.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.logs import about
from bot.worker import Worker
from domain.people import Platform
from domain.words import DeliveryState, Urgency
from handlers.ports import Clock
from storage.watching import Live, Waiting, Watching

PATH: Final = "/metrics"

# A series more for every counter, of use to nobody here.
disable_created_metrics()  # type: ignore[no-untyped-call]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SENT_IN = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 6 * _HOUR, _DAY)
_ANSWERED_IN = (*(m * _MINUTE for m in (1, 5, 15, 30, 60, 120, 240, 480)), _DAY, 3 * _DAY, 7 * _DAY)
_ASKED_IN = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10)
_ours = logging.getLogger("esafety")
_LIVE_STATES = (DeliveryState.PENDING, DeliveryState.LEASED)


class Metrics:
    """What one running bot counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._reports = Counter(
            "esafety_reports", "Reports received since the start", ("school", "urgency", "platform"), registry=self.registry
        )
        self._first_alert = Histogram(
            "esafety_first_alert_seconds",
            "From a report's commit to the first copy of an alert that a chat took",
            buckets=_SENT_IN,
            registry=self.registry,
        )
        self._acknowledged = Histogram(
            "esafety_acknowledge_seconds",
            "From an alert's opening to its acknowledgement",
            ("urgency",),
            buckets=_ANSWERED_IN,
            registry=self.registry,
        )
        self._sends = Histogram(
            "esafety_send_seconds",
            "What a platform took to take a message, or to refuse it",
            ("platform", "outcome"),
            buckets=(*_ASKED_IN, 30),
            registry=self.registry,
        )
        self._answers = Counter(
            "esafety_answers", "Policy questions answered since the start", ("verdict",), registry=self.registry
        )
        self._errors = Counter(
            "esafety_errors", "Errors logged since the start, by where in the program", ("place",), registry=self.registry
        )
        self._requests = Histogram(
            "esafety_http_request_seconds",
            "HTTP requests and what they took",
            ("method", "route", "status"),
            buckets=_ASKED_IN,
            registry=self.registry,
        )
        self._astray = Counter(
            "esafety_cases_astray",
            "Open cases that nothing would have brought up again, found by the auditor",
            ("school", "fault"),
            registry=self.registry,
        )
        self._unreachable = Gauge(
            "esafety_duties_unreachable", "Duties of a school that reach nobody", ("school",), registry=self.registry
        )
        self._by_route: dict[tuple[str, str, int], Histogram] = {}
        self._auditor_beat: datetime | None = None

    def report_received(self, school: str, urgency: Urgency, platform: Platform) -> None:
        """A report was committed."""
        self._reports.labels(school, urgency.value, platform.value).inc()

    def first_alert(self, took: timedelta) -> None:
        """The first alert of a case was posted, so long after its report. Whichever process posted it counts it."""
        self._first_alert.observe(took.total_seconds())

    def acknowledged(self, seconds: float, urgency: Urgency) -> None:
        """An alert got its owner, so long after it was opened."""
        self._acknowledged.labels(urgency.value).observe(seconds)

    def sent(self, platform: Platform, outcome: str, seconds: float) -> None:
        """A platform took a message, or did not: `outcome` is ok, or the kind of refusal."""
        self._sends.labels(platform.value, outcome).observe(seconds)

    def answered(self, verdict: str) -> None:
        """Somebody was shown an answer with that verdict; `put_off`: since too many were asking, to ask again later."""
        self._answers.labels(verdict).inc()

    def error(self, place: str) -> None:
        """Something went wrong at a place in the program."""
        self._errors.labels(place).inc()

    def astray(self, school: str, fault: str) -> None:
        """The auditor found a case that had been left alone."""
        self._astray.labels(school, fault).inc()

    def unreachable(self, school: str, duties: int) -> None:
        """So many duties of a school reach nobody, as its lists stand."""
        self._unreachable.labels(school).set(duties)

    def auditor_beat(self, at: datetime) -> None:
        """The auditor has been round."""
        self._auditor_beat = at

    @property
    def auditor_beat_at(self) -> datetime | None:
        """When the auditor was last round; None if it has not been since the start."""
        return self._auditor_beat

    def requested(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        key = (method, route, status)
        known = self._by_route.get(key)
        if known is None:
            known = self._by_route[key] = self._requests.labels(method, route, str(status))
        known.observe(seconds)


def add_metrics(
    app: web.Application,
    metrics: Metrics,
    watching: Watching,
    worker: Worker,
    clock: Clock,
    ready: Callable[[], Awaitable[bool]],
) -> None:
    """Adds the page, and counts every request to the server. `ready` says what /readyz says."""
    live = _Live(worker, metrics, clock.now())
    metrics.registry.register(live)

    async def page(_: web.Request) -> web.Response:
        live.look(clock.now(), await watching.live(clock.now()), is_ready=await ready())
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    @web.middleware
    async def timed(request: web.Request, handler: Handler) -> web.StreamResponse:
        began, status = time.perf_counter(), 500
        resource = request.match_info.route.resource
        # The route as it is written in the program: an address as it was asked for may hold anything.
        route = resource.canonical if resource is not None else "none"
        try:
            with about(route=route):
                response = await handler(request)
            status = response.status
        except web.HTTPException as answer:
            status = answer.status
            raise
        finally:
            method = request.method if request.method in ("GET", "POST", "HEAD") else "other"
            metrics.requested(method, route, status, time.perf_counter() - began)
        return response

    counting = CountErrors(metrics)

    async def count_errors(_: web.Application) -> None:
        _ours.addHandler(counting)

    async def count_no_more(_: web.Application) -> None:
        _ours.removeHandler(counting)

    app.on_startup.append(count_errors)
    app.on_cleanup.append(count_no_more)
    app.middlewares.insert(0, timed)
    app.router.add_get(PATH, page)


class CountErrors(logging.Handler):
    """Counts what is logged as an error, by the module and function that says so."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(logging.ERROR)
        self._metrics = metrics

    def emit(self, record: logging.LogRecord) -> None:
        """Counts it."""
        self._metrics.error(f"{record.name}.{record.funcName}")


class _Live(Collector):
    """What is looked up whenever the page is asked for."""

    def __init__(self, worker: Worker, metrics: Metrics, started_at: datetime) -> None:
        self._worker = worker
        self._metrics = metrics
        self._started_at = self._now = started_at
        self._live: Live | None = None
        self._is_ready = False

    def look(self, now: datetime, live: Live | None, *, is_ready: bool) -> None:
        """Takes over what was found; None for a database that does not answer."""
        self._now, self._live, self._is_ready = now, live, is_ready

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Every metric that is not counted as it happens."""
        yield from self._done()
        yield GaugeMetricFamily("esafety_ready", "Whether /readyz says that this process can work", int(self._is_ready))
        yield GaugeMetricFamily("esafety_database_up", "Whether the database answers", int(self._live is not None))
        # Since the start where there was none: what never began has stopped too.
        for name, beat in (("worker", self._worker.beat_at), ("auditor", self._metrics.auditor_beat_at)):
            age = (self._now - (beat or self._started_at)).total_seconds()
            yield GaugeMetricFamily(f"esafety_{name}_beat_age_seconds", f"Since the {name} last went round", age)
        if self._live is not None:
            yield from self._unfinished(self._live)

    def _done(self) -> Iterable[Metric]:
        t = self._worker.tally
        yield CounterMetricFamily("esafety_messages_sent", "Messages sent since the start", t.sent)
        yield CounterMetricFamily("esafety_messages_changed", "Messages changed since the start", t.changed)
        yield CounterMetricFamily("esafety_messages_retried", "Messages put off since the start", t.retried)
        yield CounterMetricFamily("esafety_messages_dead", "Messages given up since the start", t.dead)
        yield CounterMetricFamily("esafety_messages_repeated", "Messages sent that may have been sent before", t.repeated)
        yield CounterMetricFamily("esafety_messages_fenced", "Messages that two sent, since the first took too long", t.fenced)
        yield CounterMetricFamily("esafety_timers_rung", "Timers that have rung since the start", t.rung)
        yield CounterMetricFamily("esafety_worker_failures", "Rounds or messages that failed in our own code", t.failed)

    def _unfinished(self, live: Live) -> Iterable[Metric]:
        known = {(w.platform, w.state): w for w in live.waiting}
        depth = GaugeMetricFamily("esafety_outbox_deliveries", "Messages yet to be sent", labels=("platform", "state"))
        age = GaugeMetricFamily(
            "esafety_outbox_oldest_due_seconds", "Since when the oldest of them is due", labels=("platform", "state")
        )
        dead = GaugeMetricFamily("esafety_deliveries_dead", "Messages given up for good", labels=("platform",))
        for platform in Platform:
            for state in _LIVE_STATES:
                found = known.get((platform, state), Waiting(platform, state, 0, 0, None))
                depth.add_metric((platform, state), found.count)
                age.add_metric((platform, state), self._age(found.oldest))
            dead.add_metric((platform,), live.dead.get(platform, 0))
        yield from (depth, age, dead)
        due = sum(w.due for w in live.waiting)
        yield GaugeMetricFamily("esafety_deliveries_due", "Messages that should have been sent by now", due)
        yield GaugeMetricFamily("esafety_timers_due", "Timers that should have rung by now", live.timers_due)
        yield GaugeMetricFamily(
            "esafety_timers_oldest_due_seconds", "Since when the oldest of them is due", self._age(live.oldest_timer)
        )
        asked = {u.urgency: u for u in live.unanswered}
        unanswered = GaugeMetricFamily("esafety_alerts_unanswered", "Alerts that nobody has acknowledged", labels=("urgency",))
        late = GaugeMetricFamily("esafety_alerts_late", "Those of them that are past their deadline", labels=("urgency",))
        for urgency in Urgency:
            one = asked.get(urgency)
            unanswered.add_metric((urgency,), one.count if one else 0)
            late.add_metric((urgency,), one.late if one else 0)
        yield from (unanswered, late)

    def _age(self, since: datetime | None) -> float:
        return max(0.0, (self._now - since).total_seconds()) if since is not None else 0.0
