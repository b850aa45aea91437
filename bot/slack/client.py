"""Clients of Slack's Web API, and of the addresses that Slack gives to answer at."""

from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import ClientSession
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler, AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

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


def answer_at(session: ClientSession, url: str) -> Callable[..., Coroutine[Any, Any, None]]:
    """What answers where Slack said to, over connections that stay open: Bolt's own opens one for each answer."""
    webhook = AsyncWebhookClient(url, session=session)

    async def answer(**said: object) -> None:
        await webhook.send_dict(said)

    return answer
