"""The commands as a shell runs them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_whoever_has_seen_enough_stops_reading() -> None:
    """`esafety ask ... | head -1` says nothing of a broken pipe."""
    command = [sys.executable, "-m", "bot", "pack", "coverage", str(ROOT / "policies" / "elton")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait() == 141
    assert "Traceback" not in said
    assert "BrokenPipe" not in said
