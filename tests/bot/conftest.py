"""What holds for the program's own tests."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def as_it_was() -> Iterator[None]:
    """Puts the log and Python's hooks back to what they were."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook, sys.unraisablehook)
    levels = {logger: logger.level for logger in (root, logging.getLogger("esafety"))}
    handlers = root.handlers[:]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for logger, level in levels.items():
            logger.setLevel(level)
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


@pytest.fixture(autouse=True)
def _the_log_as_it_was() -> Iterator[None]:
    """A command that serves takes the log over for its whole process, which is the tests' own here."""
    with as_it_was():
        yield
