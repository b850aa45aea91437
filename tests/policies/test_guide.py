"""The policy-writer's guide: its examples are parts of the pack that `esafety pack new` writes, which is checked whole."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.pack_commands import START

GUIDE = Path(__file__).parents[2] / "docs" / "policy-writers-guide.md"
EXAMPLES = re.findall(r"```yaml\n# (\S+)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def is_part(part: Any, whole: Any) -> bool:
    """Whether all of it is there too."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_part(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return all(item in whole for item in part)
    return bool(part == whole)


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[f"{n}-{name}" for n, (name, _) in enumerate(EXAMPLES)])
def test_an_example_is_part_of_the_pack_to_begin_with(name: str, text: str) -> None:
    """Nobody copies an example that does not work."""
    assert is_part(yaml.safe_load(text), yaml.safe_load((START / name).read_text(encoding="utf-8")))


def test_every_example_names_its_file() -> None:
    """So that none escapes the test, and that the reader knows where it goes."""
    assert GUIDE.read_text(encoding="utf-8").count("```yaml") == len(EXAMPLES)


def test_every_file_of_a_pack_is_explained() -> None:
    """An example of each."""
    assert {name for name, _ in EXAMPLES} == {str(path.relative_to(START)) for path in START.rglob("*.yaml")}
