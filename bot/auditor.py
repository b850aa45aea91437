"""The auditor: apart from the worker, it looks every minute whether any case has been left alone, and raises what it finds."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp

from bot.doctor import Level, check_chains
from bot.logs import kind_of
from bot.metrics import Metrics
from domain.people import School
from handlers.ports import Ports
from handlers.set_right import give_duty, remind_again, set_right
from storage.auditing import Astray, Auditing, Behind, Fault

log = logging.getLogger("esafety.auditor")

EVERY_SECONDS = 60.0
SILENT = timedelta(minutes=3)
"""After this long without a round it has stopped."""
_LATE = timedelta(minutes=5)
_ROLES_EVERY = timedelta(hours=1)
_CALL_TAKES = aiohttp.ClientTimeout(total=10)


@dataclass(slots=True)
class Auditor:
    """Runs until cancelled. `beat_at` is when it last looked over everything to the end.

    `heartbeat_url` is called after each such round: what watches there rings when the calls stop.
    """

    ports: Ports
    schools: Mapping[str, School]
    auditing: Auditing
    metrics: Metrics
    session: aiohttp.ClientSession
    heartbeat_url: str = ""
    beat_at: datetime | None = None
    _roles_at: datetime | None = None

    async def run(self) -> None:
        """Looks for ever. A round that fails is logged, and gives no heartbeat."""
        while True:
            try:
                await self.round()
            except Exception as broken:  # noqa: BLE001 - what watches the heartbeat hears of it
                log.error("the auditor could not look: %s", kind_of(broken))  # noqa: TRY400
            await asyncio.sleep(EVERY_SECONDS)

    async def round(self) -> None:
        """Looks over every open case once, and sets right what has no next step."""
        now = self.ports.clock.now()
        for found in await self.auditing.astray():
            if (school := self.schools.get(found.school)) is None:
                continue
            try:
                await self._set_right(school, found)
            except Exception as broken:  # noqa: BLE001 - one case that breaks must not leave the others alone
                self.metrics.astray(found.school, found.fault)
                log.error("case %s is left alone and could not be set right: %s", found.incident_id, kind_of(broken))  # noqa: TRY400
        self._say_late(await self.auditing.behind(now - _LATE))
        if self._roles_at is None or now - self._roles_at >= _ROLES_EVERY:
            await self._look_at_roles()
            for resting in await self.auditing.resting():
                log.warning("%s", resting)
            self._roles_at = now
        self.beat_at = now
        self.metrics.auditor_beat(now)
        await self._call()

    async def _set_right(self, school: School, found: Astray) -> None:
        if found.fault is Fault.NO_NEXT_STEP:
            if await set_right(self.ports, school, found.alert_id):
                self.metrics.astray(found.school, found.fault)
                log.error("alert %s had no next step; it has one now", found.alert_id)
        elif found.fault is Fault.NO_REMINDER:
            if await remind_again(self.ports, school, found.entry_id):
                self.metrics.astray(found.school, found.fault)
                log.error("nobody would have been reminded of action %s; somebody will be now", found.entry_id)
        elif await give_duty(self.ports, school, found.incident_id):
            self.metrics.astray(found.school, found.fault)
            log.error("nobody had to answer for open case %s; somebody has been asked now", found.incident_id)

    @staticmethod
    def _say_late(behind: Behind) -> None:
        if behind.timers:
            log.error("%d timers should have rung minutes ago: the worker does not keep up", behind.timers)
        if behind.deliveries:
            log.warning("%d messages have been due for minutes", behind.deliveries)

    async def _look_at_roles(self) -> None:
        for school in self.schools.values():
            async with self.ports.store.transaction(school, write=False) as records:
                staff = await records.staff()
            bare = sum(finding.level is Level.FAULT for finding in check_chains(school, staff))
            self.metrics.unreachable(school.id, bare)
            if bare:
                log.error("%s: %d duties reach nobody: run `esafety doctor`", school.id, bare)

    async def _call(self) -> None:
        if not self.heartbeat_url:
            return
        try:
            async with self.session.get(self.heartbeat_url, timeout=_CALL_TAKES) as answer:
                if answer.status >= 400:
                    log.warning("the heartbeat's address answers %d", answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
            log.warning("the heartbeat's address does not answer: %s", type(trouble).__name__)
