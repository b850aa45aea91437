"""What comes with the program, read once for all tests: it is the same for each of them, and takes long to read."""

from functools import cache
from pathlib import Path

from domain.answers import Catalogue, Sheet
from domain.understanding import Engine
from storage.answer_files import load_catalogue, load_sheet
from storage.answering import load_engine
from storage.example_files import load_examples
from storage.packs import Pack, load_pack
from storage.policy_files import POLICY_FOLDER, load_policy


@cache
def catalogue(folder: Path = POLICY_FOLDER) -> Catalogue:
    """The questions that staff ask, with all their ways of asking. Those of one folder must not change once they were read."""
    return load_catalogue(folder)


@cache
def examples() -> tuple[tuple[str, str], ...]:
    """Every school's own questions, each with what it means in the catalogue."""
    return tuple(load_examples())


@cache
def sheet(school: str) -> Sheet:
    """All that a school answers."""
    return load_sheet(load_policy(school), catalogue())


@cache
def pack(school: str) -> Pack:
    """A school's folder as a whole."""
    return load_pack(POLICY_FOLDER / school)


@cache
def engine(school: str) -> Engine:
    """What answers for a school."""
    return load_engine(load_policy(school))
