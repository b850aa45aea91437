"""`make smoke`: the program as a newcomer starts it. A report, the alert, the acknowledgement, in a process of its own."""

import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench.tools import free_port, until_ready
from tests.story.html_page import read


async def main() -> None:
    """Runs the walk and says how long it took."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        kept = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
        env = {k: v for k, v in os.environ.items() if k in kept} | {"PORT": str(port), "PYTHONUNBUFFERED": "1"}
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=folder, env=env | {"PYTHONPATH": str(Path(__file__).parents[1])}
        )
        try:
            address = f"http://127.0.0.1:{port}"
            await until_ready(address)
            ready = time.perf_counter() - began
            reference = await _walk(address)
            took = time.perf_counter() - began
            print(f"ready in {ready:.1f} s; {reference} reported, seen and acknowledged {took:.1f} s after the start")
        finally:
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 15) == 0, "it did not stop as it should"


async def _walk(address: str) -> str:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{address}/console/") as page:
            found = re.search(r'name="console-token" content="([^"]+)"', await page.text())
        assert found
        session.headers["X-Console-Token"] = found[1]
        world = await _get(session, f"{address}/console/api/world")
        ids = {p["title"].split(",")[0]: p["id"] for p in world["personas"]}
        teacher, lead = ids["Teacher"], ids["Designated Safeguarding Lead (DSL)"]
        kind = read((await _post(session, address, "say", teacher, text="/esafety report"))["dialog"])
        values: dict[str, Any] = {"concern": "grooming", "about": "pupil", "danger": "no"}
        second = await _post(session, address, "submit", teacher, form=kind.form, state=kind.state, values=values)
        details = read(second["dialog"])
        values = details.values | {"what": "A trial.", "illegal": "no", "repeat": "no"}
        sent = await _post(session, address, "submit", teacher, form=details.form, state=details.state, values=values)
        reference = next(w for w in read(sent["dialog"]).text.split() if w.startswith("CSS-"))
        for _ in range(100):
            messages = (await _get(session, f"{address}/console/api/messages?persona={lead}&place=dm"))["messages"]
            alerts = [read(m["html"]) for m in messages if reference in m["html"]]
            if alerts:
                break
            await asyncio.sleep(0.05)
        value = next(v for _, action, v in alerts[0].buttons if action == "acknowledge")
        done = await _post(session, address, "press", lead, message=1, action="acknowledge", value=value, form=None)
        assert "yours now" in read(done["note"]).text
        return reference


async def _get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def _post(session: aiohttp.ClientSession, address: str, path: str, persona: str, **body: Any) -> Any:
    async with session.post(f"{address}/console/api/{path}", json={"persona": persona, "place": "dm", **body}) as response:
        assert response.status == 200, await response.text()
        return await response.json()


if __name__ == "__main__":
    asyncio.run(main())
