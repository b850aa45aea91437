"""`make audit-dependencies`: whether anything that is installed with the program has a fault that is publicly known.

pip-audit calls it "no known vulnerabilities" when nobody could be asked. Here that is said as what it is.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_OURS = "esafety-bot"
_LONGEST_SECONDS = 600


def main(pip_audit: str, packages: str, report: str) -> int:
    """Asks about every package in a folder; 1 where one has a known fault, 0 also where nobody could be asked."""
    Path(report).unlink(missing_ok=True)
    asked = [pip_audit, "--path", packages, "--progress-spinner", "off", "--format", "json", "--output", report]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False)
        why = (done.stderr.strip().splitlines() or ["it did not say why"])[-1]
    except subprocess.TimeoutExpired:
        why = f"no answer within {_LONGEST_SECONDS} seconds"
    return tell(json.loads(Path(report).read_text())["dependencies"] if Path(report).is_file() else None, why)


def tell(found: list[dict[str, Any]] | None, why: str = "") -> int:
    """Says what was found; the exit code. `found` is pip-audit's list; without one, `why` there is none."""
    if found is None:
        print(f"NOT CHECKED: the advisories could not be asked for ({why})")
        return 0
    others = [package for package in found if package["name"] != _OURS]
    checked = [package for package in others if "skip_reason" not in package]
    faulty = [package for package in checked if package["vulns"]]
    for package in faulty:
        for fault in package["vulns"]:
            mended = ", ".join(fault["fix_versions"]) or "no version yet"
            print(f"KNOWN FAULT: {package['name']} {package['version']}: {fault['id']}, mended in {mended}")
    left = len(others) - len(checked)
    if left:
        why = "the advisory service says nothing of them; it may be out of reach"
        print(f"NOT CHECKED: {left} of {len(others)} packages ({why})")
    print(f"{len(checked)} of {len(others)} packages checked, {len(faulty)} with a known fault")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
