"""What can be told of a call that came to nothing."""

from aiohttp import ClientConnectorError, ConnectionTimeoutError


def may_have_arrived(trouble: BaseException) -> bool:
    """Whether what was sent may have been taken although no answer came: not if there never was a connection."""
    return not isinstance(trouble, ClientConnectorError | ConnectionTimeoutError)
