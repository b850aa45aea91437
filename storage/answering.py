"""Puts together what answers questions for a school: its answers, the alarms, and what was learnt."""

import asyncio
from functools import cache, lru_cache
from pathlib import Path

from domain.alarms import Alarm
from domain.policy import Policy
from domain.routing import Facts, route
from domain.understanding import Engine, Learnt
from domain.words import About, Role
from storage.answer_files import load_sheet
from storage.learning import load_learnt
from storage.policy_files import POLICY_FOLDER
from storage.yaml_files import uncollected

_MOST_TOLD = 3


@cache
def learnt(folder: Path = POLICY_FOLDER) -> Learnt:
    """What all schools share.

    Raises:
        PolicyFileError: there is no model, or the catalogue or the lexicon has changed since it was learnt.
    """
    return load_learnt(folder)


def load_engine(policy: Policy, folder: Path | None = None) -> Engine:
    """What answers for a school, from its policy's folder; with `folder`, from there, the catalogue included.

    Raises:
        PolicyFileError: as for `learnt`, or the school's answers are wrong.
    """
    with uncollected():
        shared = learnt(folder or POLICY_FOLDER)
        told = {alarm.report: _told(policy, alarm) for alarm in shared.alarms.all}
        return Engine(shared, load_sheet(policy, shared.catalogue, folder), told)


@lru_cache(maxsize=64)
def _engine_of(policy: Policy) -> Engine:
    """One for each policy that is loaded: it holds no state, and takes a while to put together."""
    return load_engine(policy)


def _told(policy: Policy, alarm: Alarm) -> tuple[Role, ...]:
    """Whom the school's own routes alert to what an alarm is about; without such a kind of concern the safeguarding lead."""
    if alarm.report.concern not in policy.concerns:
        return (Role.DSL,)
    about = alarm.report.about or About.UNKNOWN
    return route(policy, Facts(alarm.report.concern, about)).notify[:_MOST_TOLD]


class Answers:
    """What answers for each school, put together when it is first wanted."""

    def __init__(self) -> None:
        self._engines: dict[Policy, Engine] = {}
        self._loading = asyncio.Lock()

    async def engine(self, policy: Policy) -> Engine:
        """What answers for a school.

        Raises:
            PolicyFileError: as for `load_engine`.
        """
        async with self._loading:
            if policy not in self._engines:
                # In a thread of its own: it takes a while, and nobody's report should wait for it.
                self._engines[policy] = await asyncio.to_thread(_engine_of, policy)
        return self._engines[policy]
