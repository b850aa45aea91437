"""A key ring for tests: what a PostgreSQL database must be given, and no test need think of."""

from storage.key_ring import InlineRing, MasterKey, RingSource

KEY = MasterKey("test", b"not a secret: the key of tests..")
RING = InlineRing(KEY.line)


def ring_for(url: str) -> RingSource | None:
    """What a database is to be opened with. An SQLite file has its own ring beside it."""
    return None if url.startswith("sqlite") else RING
