"""The running program, as its parts share it."""

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from bot.desk import Desk
from bot.metrics import Metrics
from bot.readiness import Check
from bot.settings import Settings
from bot.stopping import Stopping
from bot.turns import Turns
from bot.worker import Worker
from domain.people import School
from storage.database import Database


@dataclass(slots=True)
class Bot:
    """Everything that serves. `address` is where its HTTP server listens; `tasks` run until it is taken down.

    `checks` are what /readyz looks at, and `turns` is the line in which questions wait.
    """

    settings: Settings
    schools: dict[str, School]
    database: Database
    worker: Worker
    web: web.Application
    desks: dict[str, Desk]
    metrics: Metrics
    turns: Turns
    address: str = ""
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    stopping: Stopping = field(default_factory=Stopping)
