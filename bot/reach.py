"""What can be told of a call that came to nothing."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from aiohttp import ClientConnectorError, ConnectionTimeoutError

_LONGEST_ASKED = timedelta(days=1)


def may_have_arrived(trouble: BaseException) -> bool:
    """Whether what was sent may have been taken although no answer came: not if there never was a connection."""
    return not isinstance(trouble, ClientConnectorError | ConnectionTimeoutError)


def asked_wait(retry_after: str | None) -> timedelta | None:
    """For how long an answer's Retry-After asks not to be called again: seconds or a date (RFC 9110), a day at most.

    None where it says nothing that can be understood.
    """
    said = (retry_after or "").strip()
    try:
        if said.isdecimal():
            # Cut first: a number of any length may come.
            return min(timedelta(seconds=int(said[:9])), _LONGEST_ASKED)
        until = parsedate_to_datetime(said)
    except ValueError:
        return None
    left = until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)
    return min(max(left, timedelta(0)), _LONGEST_ASKED)
