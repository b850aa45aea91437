"""The audit of a school is a chain: each entry bears a hash of itself and of the one before, so that a change shows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

BEFORE_THE_FIRST = "0" * 64


def entry_hash(
    school: str,
    seq: int,
    at: datetime,
    actor: str,
    action: str,
    incident_id: str | None,
    data: Mapping[str, Any],
    previous: str,
) -> str:
    """The hash that an entry bears, in hex."""
    moment = at.astimezone(UTC).isoformat()
    body = json.dumps([school, seq, moment, actor, action, incident_id, data, previous], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()


@dataclass(slots=True)
class AuditChains:
    """Follows the chains of all schools, each from its first entry on.

    `entries` counts what was followed, by school. `broken` has, by school, the number of the first entry that is not as it was
    written, or that is missing.
    """

    entries: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    _last: dict[str, str] = field(default_factory=dict)

    def follow(self, row: Any) -> None:
        """Takes the next entry of a school, as a row of the table `audit`."""
        seq = self.entries.get(row.school, 0) + 1
        previous = self._last.get(row.school, BEFORE_THE_FIRST)
        wanted = entry_hash(row.school, row.seq, row.at, row.actor, row.action, row.incident_id, row.data, row.previous)
        if (row.seq, row.previous, row.hash) != (seq, previous, wanted):
            self.broken.setdefault(row.school, seq)
        self.entries[row.school] = seq
        self._last[row.school] = row.hash

    def end(self, given_out: Mapping[str, int]) -> None:
        """Says how many entries each school has made: the last ones may have been taken away."""
        for school in given_out.keys() | self.entries.keys():
            found = self.entries.get(school, 0)
            if found != given_out.get(school, 0):
                self.broken.setdefault(school, min(found, given_out.get(school, 0)) + 1)
