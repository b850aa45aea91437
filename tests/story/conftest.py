"""The same school on every platform, for the stories that are the same on all of them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import new_database
from tests.fakes.clock import FakeClock
from tests.story.console_stage import console_stage
from tests.story.slack_stage import slack_stage
from tests.story.stage import DEMO, Stage
from tests.story.teams_stage import teams_stage

STAGES: Mapping[str, Callable[..., AbstractAsyncContextManager[Stage]]] = {
    "slack": slack_stage,
    "teams": teams_stage,
    "console": console_stage,
}


@pytest.fixture
def school_file() -> Mapping[str, object]:
    """What stands in the school's file otherwise than in the demo school's: a story of another school gives its own."""
    return DEMO


@pytest_asyncio.fixture(params=["slack-sqlite", "slack-postgresql", "teams-sqlite", "teams-postgresql", "console-sqlite"])
async def stage(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock, school_file: Mapping[str, object]
) -> AsyncIterator[Stage]:
    """A school on a platform, mostly the demo school. The console is for one machine, and so is its database."""
    platform, kind = request.param.split("-")
    async with new_database(kind, tmp_path) as url, STAGES[platform](url, tmp_path, clock, school_file=school_file) as stage:
        yield stage
