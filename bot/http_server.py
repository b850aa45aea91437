"""/healthz and /readyz. /metrics is in bot/metrics.py."""

from collections.abc import Sequence

from aiohttp import web

from bot.readiness import Check, look
from bot.stopping import Stopping


def add_health(app: web.Application, checks: Sequence[Check], stopping: Stopping) -> None:
    """Adds the two pages to a server. `checks` may still grow."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        if stopping.began:
            return web.Response(text="not ready\nstopping\n", status=503)
        found = await look(checks)
        return web.Response(text=str(found), status=200 if found.ready else 503)

    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
