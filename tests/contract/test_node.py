"""What `make contract` installs is the same everywhere, from whichever registry a machine is set up to use."""

import json
import re
from pathlib import Path

NODE = Path(__file__).parent / "node"


def test_every_package_is_pinned() -> None:
    """The checkers are those they were written against, to the last digit."""
    wanted = json.loads((NODE / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert [name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_the_lock_file_names_no_registry() -> None:
    """Each package is known by its digest, and by no address."""
    packages = json.loads((NODE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, about in packages.items() if name and ("resolved" in about or "integrity" not in about)] == []
