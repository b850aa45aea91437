"""Runs the proof: `make faults`, or with --short the form that CI runs. A run's plan can be repeated by its seed."""

import argparse
import asyncio
import itertools
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random, SystemRandom
from tempfile import TemporaryDirectory

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.settings import DEMO_SCHOOLS
from bot.worker import LEASE
from domain.people import Kind
from storage import tables as t
from storage.database import Database
from storage.fault_points import FaultPoint
from storage.people_files import carry_out, plan_import, read_people
from storage.school_files import load_schools
from storage.store import Store
from storage.trouble import DatabaseTroubleError
from tests.conftest import new_database
from tests.fakes.keys import RING
from tests.fakes.slack_user import SlackUser
from tests.fakes.teams_user import TeamsUser
from tests.faults.people import KINDS, MARKER, Leads, SlackReporter, TeamsReporter, Told
from tests.faults.processes import ALL_AT_ONCE, AT_RANDOM, Fleet, Plans, clean_environment
from tests.faults.proof import Proof, Verdict
from tests.faults.weather import Doors, StormySlack, StormyTeams, Weather
from tests.story.both_stage import write_both
from tests.story.stage import BRUNEL, CAST, SAFEGUARDING

READERS = {SAFEGUARDING: ("dsl", "deputy"), BRUNEL: ("brunel head", "dsl")}
REPORTERS = 6
_A_FEW = 8
SENDING_AT_MOST = timedelta(seconds=36)
_SETTLES_SECONDS = 600.0
_RINGS_A_SECOND = 1
_AT_A_TIME_MINUTES = 10


@dataclass(frozen=True, slots=True)
class Size:
    """How much one database has to bear."""

    reports: int
    kills: int
    processes: int


LONG = {"sqlite": Size(420, 90, 1), "postgresql": Size(620, 220, 3)}
SHORT = {"sqlite": Size(24, len(FaultPoint), 1), "postgresql": Size(24, len(FaultPoint), 3)}


@dataclass(slots=True)
class Outcome:
    """One database's run."""

    kind: str
    kills: Counter[str]
    weather: Counter[str]
    verdict: Verdict
    seconds: float


class Run:
    """One database, its processes, two chats and the people at them."""

    def __init__(self, kind: str, size: Size, seed: int, *, short: bool) -> None:
        self.kind = kind
        self.size = size
        self.seed = f"{seed} {kind}"
        self.short = short
        self.told = Told()
        self.weather = Weather(f"{self.seed} weather")
        self._number = itertools.count(1)
        self._chance = Random(f"{self.seed} load")

    async def __call__(self) -> Outcome:
        began = time.monotonic()
        with TemporaryDirectory(prefix="esafety-faults-") as name:
            folder = Path(name)
            async with new_database(self.kind, folder, empty=True) as url:
                self.database = Database(url, RING)
                try:
                    await self.database.migrate()
                    verdict = await self._run(folder, url)
                finally:
                    await self.database.close()
        return Outcome(self.kind, self.fleet.kills, self.weather.seen, verdict, time.monotonic() - began)

    async def _run(self, folder: Path, url: str) -> Verdict:
        plans = Plans(f"{self.seed} kills", short=self.short)
        settings = {**clean_environment(), "ESAFETY_DATABASE_URL": url, "ESAFETY_SCHOOLS": str(folder / "schools")}
        settings |= {"ESAFETY_CONSOLE": "off", "ESAFETY_SLACK_MODE": "http", "ESAFETY_LOG_LEVEL": "WARNING"}
        self.fleet = Fleet(settings, self.size.processes, folder, plans, self._after_death)
        doors = Doors(self.fleet.addresses)
        async with StormySlack(self.weather, doors) as slack, StormyTeams(self.weather, doors) as teams:
            self.slack, self.teams = slack, teams
            settings |= {k: str(v) for k, v in teams.settings.items()}
            settings |= {"SLACK_BOT_TOKEN": slack.token, "SLACK_SIGNING_SECRET": slack.signing_secret}
            settings |= {"SLACK_API_URL": slack.base_url}
            users = await self._people(folder)
            async with self.fleet.running():
                await self._installed(users)
                leads = Leads(slack, teams, {w: u for w, u in users.items() if w != "teacher"}, self.told, f"{self.seed} leads")
                await self._bear(leads)
                await self._settle()
            # Whatever one of the people met that is no failing of a chat or of a process that was killed is a fault.
            verdict = await Proof(self.database, slack, teams, users, self.told).verdict(self.fleet.said())
            verdict.lost += [f"somebody was stuck: {broken!r}" for broken in leads.failures]
            verdict.lost += self.fleet.wrong
            if verdict.lost:
                print(self.fleet.said()[-6000:], file=sys.stderr)
            return verdict

    async def _people(self, folder: Path) -> dict[str, tuple[SlackUser, TeamsUser]]:
        staff = read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF)
        names = {p.email: p.name for p in staff.values()}
        users = {
            who: (self.slack.add_user(names[email], email), self.teams.add_user(names[email], email))
            for who, email in CAST.items()
        }
        channels = {c: self.slack.add_channel(c, [users[w][0] for w in who], private=True) for c, who in READERS.items()}
        self.rosters = {c: self.teams.add_team(c, [users[w][1] for w in who], [c]) for c, who in READERS.items()}
        schools = write_both(folder / "schools", channels, {c: team.channels[c] for c, team in self.rosters.items()})
        (school,) = load_schools(schools).values()
        async with Store(self.database).transaction(school) as records:
            await carry_out(records, await plan_import(records, Kind.STAFF, staff), datetime.now(UTC))
        return users

    async def _installed(self, users: dict[str, tuple[SlackUser, TeamsUser]]) -> None:
        self.reporters: list[SlackReporter | TeamsReporter] = []
        teams_users = [user for _, user in users.values()]
        for n in range(REPORTERS):
            of_slack = self.slack.add_user(f"Slack Reporter{n}", f"slack{n}@demo.example")
            of_teams = self.teams.add_user(f"Teams Reporter{n}", f"teams{n}@demo.example")
            teams_users.append(of_teams)
            self.reporters += [SlackReporter(self.slack, of_slack, self.told), TeamsReporter(of_teams, self.told)]
        while await self._known_in_teams() < len(teams_users):
            # The bot hears of it and then writes it down: a database that is busy just then never gets to know.
            for user in teams_users:
                await user.install()
            await asyncio.sleep(1)
        for team in self.rosters.values():
            await team.install(users["dsl"][1])
        await self.teams.until(lambda: len({c.conversation for c in self.teams.calls_of("pagedmembers")}) >= 2, "readers known")

    async def _known_in_teams(self) -> int:
        query = select(func.count()).where(t.teams_users.c.conversation_id != "")
        async with self.database.begin(write=False) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def _bear(self, leads: Leads) -> None:
        """The load, the weather and the killing, until there has been enough of each."""
        self.fleet.behind = self._is_behind
        self.weather.stormy = self.fleet.killing = True
        at_work = [asyncio.create_task(leads.run()), time_goes_on := asyncio.create_task(self._time_goes_on())]
        reporting = [asyncio.create_task(self._reports(reporter)) for reporter in self.reporters]
        try:
            await self._until_killed(self.size.kills // 2, reporting)
            await self._an_hours_outage()
            await self._until_killed(self.size.kills, reporting)
            # Whoever is at a report finishes it, in quiet.
            self.weather.stormy = self.fleet.killing = False
            await asyncio.gather(*reporting)
            time_goes_on.cancel()
            await self._drained()
            await leads.until_done()
        finally:
            for task in (*at_work, *reporting):
                task.cancel()
            await asyncio.gather(*at_work, *reporting, return_exceptions=True)

    async def _reports(self, reporter: SlackReporter | TeamsReporter) -> None:
        while self.fleet.killing or len(self.told.received) < self.size.reports:
            # In step with the killing: there must be reports under way at every kill.
            if len(self.told.received) > self._reports_by_now() + _A_FEW:
                await asyncio.sleep(0.05)
                continue
            n = next(self._number)
            kind = self._chance.choice(KINDS)
            await reporter.report(kind, f"{MARKER}{n:05d}", names=n % 4 == 0)

    def _is_behind(self) -> bool:
        by_now = min(self._reports_by_now(), float(self.size.reports))
        return len(self.told.received) + _A_FEW < by_now and self.fleet.kill_count < self.size.kills

    def _reports_by_now(self) -> float:
        return self.size.reports * self.fleet.kill_count / self.size.kills

    async def _until_killed(self, count: int, reporting: Sequence["asyncio.Task[None]"]) -> None:
        needed = set(FaultPoint)
        while self.fleet.kill_count < count or (count == self.size.kills and not needed <= set(self.fleet.kills)):
            await asyncio.sleep(0.1)
            for task in reporting:
                if task.done():
                    task.result()

    async def _an_hours_outage(self) -> None:
        """Nobody can reach either chat for an hour, which is six steps of ten minutes in the database."""
        self.weather.outage = True
        for _ in range(60 // _AT_A_TIME_MINUTES):
            await asyncio.sleep(0.3 if self.short else 1.0)
            await self._minutes_pass(_AT_A_TIME_MINUTES)
        self.weather.outage = False

    async def _time_goes_on(self) -> None:
        """What waits for its next try or for the deadline of an alert has it come sooner, a little at a time."""
        while True:
            await asyncio.sleep(1)
            if not self.weather.outage:
                await self._minutes_pass(1, at_most=_RINGS_A_SECOND)
            # The lease of a process that died ends when no process that lives could still be sending.
            await self._end_leases(older_than=SENDING_AT_MOST)

    async def _moved(self, move: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Moves the time in the database. The program's own transactions may be in the way for a while."""
        while True:
            try:
                async with self.database.begin() as connection:
                    await move(connection)
            except DatabaseTroubleError:
                await asyncio.sleep(0.1)
            else:
                return

    async def _minutes_pass(self, minutes: int, *, at_most: int | None = None) -> None:
        """Tries come that much nearer, and deadlines too; or so many deadlines, `at_most`, are there at once."""
        now, by = datetime.now(UTC), timedelta(minutes=minutes)
        d, x = t.deliveries, t.timers

        async def sooner(connection: AsyncConnection) -> None:
            waits = (d.c.state == "pending", d.c.next_at > now, d.c.next_at <= now + by)
            await connection.execute(update(d).where(*waits).values(next_at=now))
            rings = (x.c.state == "pending", x.c.kind == "climb", x.c.due_at > now)
            found = list(await connection.execute(select(x.c.id, x.c.due_at).where(*rings)))
            if at_most is None:
                moved = [{"timer": r.id, "at": r.due_at - by} for r in found]
            else:
                moved = [{"timer": r.id, "at": now} for r in self._chance.sample(found, min(at_most, len(found)))]
            if moved:
                ring = update(x).where(x.c.id == bindparam("timer"), x.c.state == "pending").values(due_at=bindparam("at"))
                await connection.execute(ring, moved)

        await self._moved(sooner)

    async def _after_death(self) -> None:
        if self.size.processes == 1:
            await self._end_leases(older_than=timedelta(0))

    async def _end_leases(self, *, older_than: timedelta) -> None:
        now = datetime.now(UTC)
        d = t.deliveries
        over = (d.c.state == "leased", d.c.leased_until <= now + LEASE - older_than)

        async def end(connection: AsyncConnection) -> None:
            await connection.execute(update(d).where(*over).values(leased_until=now))

        await self._moved(end)

    async def _drained(self) -> None:
        """The storm is over: all processes are ended together once more, and come back to stay."""
        self.weather.over.set()
        await self.fleet.calm()
        self.fleet.to_be_cut()
        await self.fleet.power_cut()
        await self.fleet.calm()
        await self._end_leases(older_than=timedelta(0))
        await self._settle()

    async def _settle(self) -> None:
        end = time.monotonic() + _SETTLES_SECONDS
        while left := await self._left():
            if time.monotonic() > end:
                print(f"{left} messages and timers are never done", file=sys.stderr)
                return
            await asyncio.sleep(0.5)

    async def _left(self) -> int:
        """What is still to be done. What waits for its next try has it now."""
        now = datetime.now(UTC)
        d, x = t.deliveries, t.timers

        async def at_once(connection: AsyncConnection) -> None:
            await connection.execute(update(d).where(d.c.state == "pending", d.c.next_at > now).values(next_at=now))

        await self._moved(at_once)
        live = select(func.count()).select_from(d).where(d.c.state.in_(("pending", "leased")))
        due = select(func.count()).select_from(x).where(x.c.state == "pending", x.c.due_at <= now)
        async with self.database.begin(write=False) as connection:
            return int((await connection.execute(live)).scalar_one() + (await connection.execute(due)).scalar_one())


def table(outcomes: list[Outcome]) -> str:
    rows: list[tuple[str, list[str]]] = [
        ("", [o.kind for o in outcomes]),
        ("reports kept", [str(o.verdict.reports) for o in outcomes]),
        ("alerts", [str(o.verdict.alerts) for o in outcomes]),
        ("messages posted", [str(o.verdict.messages) for o in outcomes]),
        ("kills", [str(sum(o.kills.values())) for o in outcomes]),
        *((f"  {kind}", [str(o.kills[kind]) for o in outcomes]) for kind in (*FaultPoint, AT_RANDOM, ALL_AT_ONCE)),
        ("calls that failed", [str(sum(o.weather.values())) for o in outcomes]),
        *((f"  {kind}", [str(o.weather[kind]) for o in outcomes]) for kind in sorted({k for o in outcomes for k in o.weather})),
        ("audit entries, in one chain", [str(o.verdict.audit_entries) for o in outcomes]),
        ("repeats", [str(o.verdict.repeats) for o in outcomes]),
        ("  without a mark", [str(o.verdict.unmarked) for o in outcomes]),
        ("lost", [str(len(o.verdict.lost)) for o in outcomes]),
        ("seconds", [f"{o.seconds:.0f}" for o in outcomes]),
    ]
    return "\n".join(f"{name:32}" + "".join(f"{value:>12}" for value in values) for name, values in rows)


@asynccontextmanager
async def _said_as_it_goes(run: Run) -> AsyncIterator[None]:
    async def say_so() -> None:
        while True:
            await asyncio.sleep(15)
            kills = run.fleet.kill_count if hasattr(run, "fleet") else 0
            print(f"  {run.kind}: {len(run.told.received)} reports, {kills} kills", flush=True)

    saying = asyncio.create_task(say_so())
    try:
        yield
    finally:
        saying.cancel()


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="each fault point once on each database")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000), help="repeats the plan of a run")
    parser.add_argument("--database", choices=list(LONG), action="append", help="only that one")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    outcomes = []
    for kind, size in (SHORT if asked.short else LONG).items():
        if kind in (asked.database or LONG):
            run = Run(kind, size, asked.seed, short=asked.short)
            async with _said_as_it_goes(run):
                outcomes.append(await run())
    print(table(outcomes))
    lost = [line for o in outcomes for line in o.verdict.first_lines()]
    print("\n".join(lost) if lost else f"nothing lost; seed {asked.seed}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
