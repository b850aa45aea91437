"""What is measured of one part takes its place in the page, and what is known of the others stays."""

import json
from pathlib import Path

from tests.bench.figures import Figure, write

TITLES = {"desk": "A lead's desk", "peak": "The peak"}


def test_a_part_is_measured_again_beside_what_is_known_of_the_others(tmp_path: Path) -> None:
    """An afternoon is too short to measure everything: nobody has to, for one figure that has changed."""
    (tmp_path / "images").mkdir()
    slow, fast = Figure("desk", "the queue", 80, "ms", 50), Figure("desk", "the queue", 20, "ms", 50)
    peak = Figure("peak", "reports", 40, "a second", 40, at_least=True)
    write({"desk": [slow]}, TITLES, tmp_path)
    write({"peak": [peak]}, TITLES, tmp_path)
    assert "Of 2 goals 1 are met." in (tmp_path / "performance.md").read_text()
    write({"desk": [fast]}, TITLES, tmp_path)
    page = (tmp_path / "performance.md").read_text()
    assert "Of 2 goals 2 are met. None is missed." in page
    assert page.index("## A lead's desk") < page.index("| the queue | 20 ms |") < page.index("## The peak")
    assert "80 ms" not in page
    assert "the queue" in (tmp_path / "images" / "performance.svg").read_text()


def test_a_part_that_is_measured_no_more_is_forgotten(tmp_path: Path) -> None:
    """What nobody can measure again is no figure to show."""
    (tmp_path / "images").mkdir()
    write({"desk": [Figure("desk", "the queue", 20, "ms", 50)]}, TITLES, tmp_path)
    write({}, {"peak": "The peak"}, tmp_path)
    assert json.loads((tmp_path / "performance.json").read_text()) == {}
    assert "the queue" not in (tmp_path / "performance.md").read_text()
