"""Digests of rows, by which two copies of them are compared."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

_MODULUS = 2**256


@dataclass(slots=True)
class RowsDigest:
    """How many rows there are, and a sum of their hashes, in which their order does not matter."""

    rows: int = 0
    total: int = 0

    def add(self, row: Sequence[object]) -> None:
        """Takes a row. Equal values count as equal whichever database they come from."""
        # Not the digest of a sorted list: databases sort text in different ways, and a million rows should not be kept.
        body = _encode(list(row))
        self.rows += 1
        self.total = (self.total + int.from_bytes(hashlib.sha256(body.encode()).digest())) % _MODULUS


def _plain(value: object) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case bytes():
            return value.hex()
    raise TypeError(type(value).__name__)


_encode = json.JSONEncoder(default=_plain, sort_keys=True).encode
