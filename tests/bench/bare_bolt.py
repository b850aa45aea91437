"""The floor: a Bolt app that acknowledges `/esafety` and does nothing else, served as ours is."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


async def main(port: int, api: str) -> None:
    client = AsyncWebClient(token="xoxb-test", base_url=api)
    app = AsyncApp(client=client, signing_secret="signing-secret", process_before_response=True)

    async def acknowledge(ack: Callable[..., Awaitable[object]]) -> None:
        await ack("ok")

    app.command("/esafety")(ack=acknowledge, lazy=[])

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    server = web.Application()
    server.add_routes([web.post("/slack/events", events), web.get("/readyz", _ready)])
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="ready\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
