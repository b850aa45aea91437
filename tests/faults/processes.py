"""The program in processes of its own, killed by plan and started again at once, as a supervisor starts it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp

from storage.fault_points import VARIABLE, FaultPoint
from tests.bench.tools import free_port
from tests.fakes.keys import KEY

AT_RANDOM, ALL_AT_ONCE = "at a random moment", "all at once"
_READY_SECONDS = 60.0
_POINT_SECONDS = 4.0
_LONGEST_LIFE = 1.5
_OFTEN = {
    FaultPoint.BEFORE_TIMER: 2,
    FaultPoint.AFTER_TIMER: 2,
    FaultPoint.BEFORE_LEASE: 12,
    FaultPoint.AFTER_LEASE: 6,
    FaultPoint.BEFORE_COMMIT: 40,
    FaultPoint.AFTER_COMMIT: 40,
}
"""Up to which passage of a point it is waited for; five for the others."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a process is to end: at a point, or so many seconds after it was started or was ready.

    `patient`: not while the reports lag behind the killing. `everybody`: all processes end with it.
    """

    point: FaultPoint | None = None
    nth: int = 1
    seconds: float = 0.0
    while_starting: bool = False
    patient: bool = False
    everybody: bool = False


class Plans:
    """Every fault point in turn, and as many random moments between them."""

    def __init__(self, seed: str, *, short: bool) -> None:
        self._chance = Random(seed)
        self._points: Iterator[FaultPoint] = iter(())
        self._short = short

    def next(self) -> Plan:
        if not self._short and self._chance.random() < 0.5:
            return self.at_random()
        point = next(self._points, None)
        if point is None:
            in_turn = list(FaultPoint)
            self._chance.shuffle(in_turn)
            self._points = iter(in_turn)
            point = next(self._points)
        return self.at(point)

    def at(self, point: FaultPoint) -> Plan:
        return Plan(point, self._chance.randint(1, _OFTEN.get(point, 5)))

    def at_random(self) -> Plan:
        starting = self._chance.random() < 0.2
        everybody = self._chance.random() < 0.1
        return Plan(seconds=self._chance.uniform(0, _LONGEST_LIFE), while_starting=starting, everybody=everybody)


class Fleet:
    """So many processes of the program on one database, each at a port of its own."""

    def __init__(
        self, settings: Mapping[str, str], count: int, folder: Path, plans: Plans, after_death: Callable[[], Awaitable[None]]
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._plans = plans
        self._after_death = after_death
        self.ports = [free_port() for _ in range(count)]
        self.addresses = [f"http://127.0.0.1:{port}" for port in self.ports]
        self.kills: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.killing = False
        self.behind: Callable[[], bool] = lambda: False
        self._processes: dict[int, Started] = {}
        self._nursery = Nursery()
        self._keepers: list[asyncio.Task[None]] = []
        self._ending = False
        self._owed: list[FaultPoint] = []
        self._causes: dict[int, str] = {}
        self._to_stay: set[int] = set()

    @property
    def kill_count(self) -> int:
        return sum(self.kills.values())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self._nursery.open()
        self._keepers = [asyncio.create_task(self._keep(n)) for n in range(len(self.ports))]
        try:
            await self.until_ready()
            yield
        finally:
            self._ending = True
            for process in self._processes.values():
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            await asyncio.gather(*self._keepers)
            await self._nursery.close()

    async def until_ready(self) -> None:
        for address in self.addresses:
            if not await _is_ready(address, _READY_SECONDS):
                raise AssertionError(f"a process was never ready:\n{self.said()[-3000:]}")

    def to_be_cut(self) -> None:
        """Those that were to stay are to be killed once more."""
        self._to_stay.clear()

    async def power_cut(self) -> None:
        """All of them end in the same moment."""
        for n in self._processes:
            self._kill(n, ALL_AT_ONCE)

    async def calm(self) -> None:
        """Kills nobody any more, and waits until every process is there that is to stay."""
        self.killing = False
        while len(self._to_stay) < len(self.ports):  # noqa: ASYNC110 - one look at a set, now and then
            await asyncio.sleep(0.05)
        await self.until_ready()

    def said(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("process-*.log")))

    async def _keep(self, n: int) -> None:
        while not self._ending:
            plan = self._next_plan()
            env = {**self._settings, "PORT": str(self.ports[n])}
            if plan is None:
                self._to_stay.add(n)
            elif plan.point is not None:
                env[VARIABLE] = f"kill:{plan.point}:{plan.nth}"
            process = await self._nursery.start(env, self._folder, self._folder / f"process-{n}.log")
            self._processes[n] = process
            dead = asyncio.create_task(process.wait())
            await (self._until_told(n, dead) if plan is None else self._carry_out(n, plan, dead))
            await dead
            self._to_stay.discard(n)
            if self._told_to_end():
                return
            cause = self._causes.pop(n, plan.point if plan is not None else None)
            if process.returncode == -signal.SIGKILL and cause is not None:
                self.kills[cause] += 1
            else:
                self.wrong.append(f"a process ended by itself with {process.returncode}")
            await self._after_death()

    def _told_to_end(self) -> bool:
        return self._ending

    async def _until_told(self, n: int, dead: "asyncio.Task[None]") -> None:
        """A process that stays, until the killing begins: then it is the first."""
        while not self.killing and not dead.done():
            await asyncio.wait({dead}, timeout=0.1)
        if not dead.done():
            self._kill(n, AT_RANDOM)

    async def _carry_out(self, n: int, plan: Plan, dead: "asyncio.Task[None]") -> None:
        if not plan.while_starting:
            ready = asyncio.create_task(_is_ready(self.addresses[n], _READY_SECONDS))
            await asyncio.wait({dead, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
        await asyncio.wait({dead}, timeout=plan.seconds if plan.point is None else _POINT_SECONDS)
        while plan.patient and self.killing and self.behind() and not dead.done():
            await asyncio.wait({dead}, timeout=0.1)
        if dead.done():
            return
        if plan.point is not None and not self.kills[plan.point]:
            self._owed.insert(0, plan.point)
        if plan.everybody and len(self.ports) > 1:
            await self.power_cut()
        else:
            self._kill(n, AT_RANDOM)

    def _kill(self, n: int, cause: str) -> None:
        process = self._processes[n]
        if process.returncode is None:
            self._causes[n] = cause
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def _next_plan(self) -> Plan | None:
        if not self.killing:
            return None
        if self.behind() and not self._owed:
            # Let them report for a while: to be killed without any work proves nothing.
            return Plan(patient=True)
        return self._plans.at(self._owed.pop()) if self._owed else self._plans.next()


class Started:
    """A process of the program."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._dead = asyncio.Event()

    def ended(self, code: int) -> None:
        self.returncode = code
        self._dead.set()

    async def wait(self) -> None:
        await self._dead.wait()

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)


class Nursery:
    """Where processes come from: see nursery.py."""

    def __init__(self) -> None:
        self._asked: asyncio.Queue[asyncio.Future[Started]] = asyncio.Queue()
        self._alive: dict[int, Started] = {}

    async def open(self) -> None:
        env = {**clean_environment(), "OPENBLAS_NUM_THREADS": "1"}
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.nursery", env=env, stdin=pipe, stdout=pipe
        )
        self._listening = asyncio.create_task(self._listen())

    async def start(self, env: Mapping[str, str], folder: Path, log: Path) -> Started:
        request = {"env": dict(env), "folder": str(folder), "log": str(log)}
        started: asyncio.Future[Started] = asyncio.get_running_loop().create_future()
        self._asked.put_nowait(started)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return await started

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._listening

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            match json.loads(line):
                case {"started": int(pid)}:
                    self._alive[pid] = Started(pid)
                    self._asked.get_nowait().set_result(self._alive[pid])
                case {"dead": int(pid), "code": int(code)}:
                    self._alive.pop(pid).ended(code)
                case other:
                    raise AssertionError(other)


async def _is_ready(address: str, within: float) -> bool:
    end = time.monotonic() + within
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while time.monotonic() < end:
            try:
                async with session.get(f"{address}/readyz") as answer:
                    if answer.status == 200:
                        return True
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.05)
    return False


def clean_environment() -> dict[str, str]:
    """What a process is given of this machine's."""
    where = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), "LANG": "C.UTF-8"}
    return {**where, "ESAFETY_KEYS": KEY.line}
