"""A client of Slack's Web API."""

from aiohttp import ClientSession
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler, AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import Settings


def web_client(settings: Settings, session: ClientSession | None, *, retries: int, token: str | None = None) -> AsyncWebClient:
    """A client with a workspace's token, by default the one in the settings; with none if it is ''."""
    # Without retries there are none at all: a message whose answer was lost is sent again by the outbox, and marked as such.
    handlers = [AsyncConnectionErrorRetryHandler(), AsyncRateLimitErrorRetryHandler(max_retry_count=retries)] if retries else []
    return AsyncWebClient(
        token=settings.slack_bot_token if token is None else token or None,
        base_url=settings.slack_api_url.rstrip("/") + "/",
        session=session,
        timeout=10,
        retry_handlers=list(handlers),
    )
