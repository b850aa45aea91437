"""What every measurement needs: a burst of requests, a program in a process of its own, and what it costs the machine."""

import asyncio
import os
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

IN_FLIGHT = 16


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured. `quick` is for trying the measurements themselves: its figures say little."""

    quick: bool = False
    seconds: float = 60.0
    incidents: int = 1_000_000

    @property
    def rounds(self) -> int:
        """How often a burst is repeated; the median counts."""
        return 1 if self.quick else 3

    def of(self, full: int, quick: int) -> int:
        """So many of something."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Load:
    """What one burst of requests came to."""

    per_second: float
    median_ms: float
    p99_ms: float


async def burst(
    url: str,
    bodies: Sequence[str],
    headers_of: Callable[[str], Mapping[str, str]],
    right: Callable[[str], bool] = lambda _: True,
) -> Load:
    """Sends the bodies, so many at a time."""
    waiting = iter(bodies)
    times: list[float] = []
    async with aiohttp.ClientSession() as session:

        async def sender() -> None:
            for body in waiting:
                headers = headers_of(body)
                began = time.perf_counter()
                async with session.post(url, data=body, headers=headers) as response:
                    text = await response.text()
                times.append(time.perf_counter() - began)
                assert response.status == 200, (response.status, text)
                assert right(text), text[:500]

        began = time.perf_counter()
        await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
        took = time.perf_counter() - began
    times.sort()
    return Load(len(times) / took, statistics.median(times) * 1e3, times[int(len(times) * 0.99)] * 1e3)


@asynccontextmanager
async def process(
    command: list[str], settings: Mapping[str, str], folder: Path, port: int, *, quiet: bool = False
) -> AsyncIterator[tuple[str, int, float]]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "ESAFETY_"))}
    env = {**clean, "PYTHONPATH": str(Path(__file__).parents[2]), **settings}
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=env,
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL if quiet else None,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        await until_ready(address)
        yield address, process.pid, time.perf_counter() - began
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def until_ready(address: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(6000):
            try:
                async with session.get(f"{address}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.01)
    raise AssertionError("it never became ready")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def share(times: Sequence[float], of: float) -> float:
    """The time that so great a share of them stays within, 0 where there are none."""
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * of), len(ordered) - 1)] if ordered else 0.0


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
