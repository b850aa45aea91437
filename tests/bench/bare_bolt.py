"""The floor: a Bolt app that acknowledges and does nothing else, served as ours is.

Given a database, it makes every second form durable with one INSERT before it acknowledges.
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import aiosqlite
import asyncpg
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

Insert = Callable[[str], Awaitable[object]]
TABLE = "CREATE TABLE IF NOT EXISTS floor (id text PRIMARY KEY, body text NOT NULL)"


async def main(port: int, api: str, url: str) -> None:
    client = AsyncWebClient(token="xoxb-test", base_url=api)
    app = AsyncApp(client=client, signing_secret="signing-secret", process_before_response=True)
    keep = await _database(url)

    async def acknowledge(ack: Callable[..., Awaitable[object]]) -> None:
        await ack("ok")

    async def submitted(ack: Callable[..., Awaitable[object]], view: dict[str, Any]) -> None:
        if view["callback_id"] == "report_detail":
            await keep(str(view["state"]))
        await ack()

    app.command("/esafety")(ack=acknowledge, lazy=[])
    app.view_submission(re.compile(".*"))(ack=submitted, lazy=[])

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    server = web.Application()
    server.add_routes([web.post("/slack/events", events), web.get("/readyz", _ready)])
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def _database(url: str) -> Insert:
    if not url:
        return _nothing
    if url.startswith("sqlite"):
        connection = await aiosqlite.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", TABLE):
            await connection.execute(statement)
        return lambda body: connection.execute("INSERT INTO floor VALUES (?, ?)", (str(uuid4()), body))
    pool = await asyncpg.create_pool(url, min_size=10, max_size=10)
    await pool.execute(TABLE)
    return lambda body: pool.execute("INSERT INTO floor VALUES ($1, $2)", str(uuid4()), body)


async def _nothing(_: str) -> None:
    return


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="ready\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else ""))
