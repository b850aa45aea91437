"""Starts the program quickly: a process that has loaded all of it and does nothing, of which each start is a copy.

What is copied is Python with the program's modules in it; settings, database, chats and loop are each copy's own. A start then
takes a fifth of the time, and three hundred kills a few minutes. It reads one request a line and tells of starts and ends.
"""

import gc
import json
import os
import select
import signal
import sys
from collections.abc import Mapping
from importlib import import_module

_PROGRAM = (
    "bot.cli",
    "bot.serve",
    "bot.slack.serving",
    "bot.teams.serving",
    "storage.processes",
    "storage.answering",
    "alembic.command",
    "asyncpg",
)


def main() -> None:
    for name in _PROGRAM:
        import_module(name)
    from storage.answering import load_engine
    from storage.policy_files import load_policy

    load_engine(load_policy("chipping-sodbury"))
    gc.collect()
    gc.freeze()
    wake, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ring)
    children: set[int] = set()
    asked = b""
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            _tell_of_the_dead(children)
        if 0 not in ready:
            continue
        more = os.read(0, 65536)
        if not more:
            break
        *lines, asked = (asked + more).split(b"\n")
        for line in lines:
            request = json.loads(line)
            pid = os.fork()
            if not pid:
                _become(request["env"], request["folder"], request["log"])
            children.add(pid)
            _tell(started=pid)
    # Whoever asked for them is gone.
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _tell_of_the_dead(children: set[int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        children.discard(pid)
        _tell(dead=pid, code=os.waitstatus_to_exitcode(status))


def _tell(**what: int) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _become(env: Mapping[str, str], folder: str, log: str) -> None:
    """The copy is the program from here on, and never comes back."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(env)
        os.chdir(folder)
        nothing, said = os.open(os.devnull, os.O_RDWR), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for target, source in ((0, nothing), (1, nothing), (2, said)):
            os.dup2(source, target)
        from bot.cli import main as esafety

        code = esafety(["run"])
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
