"""The floor: a bot that answers an Action.Execute and does nothing else, by the library's own adapter and handler."""

import asyncio
import json
import logging
import sys
from typing import Any

from aiohttp import web
from botbuilder.core import ActivityHandler
from botbuilder.core.cloud_adapter_base import CloudAdapterBase
from botbuilder.schema import Activity, AdaptiveCardInvokeResponse
from botframework.connector.auth import BotFrameworkAuthenticationFactory, PasswordServiceClientCredentialFactory


class Echo(ActivityHandler):  # type: ignore[misc]
    """Answers with a card."""

    async def on_adaptive_card_invoke(self, *_: Any) -> AdaptiveCardInvokeResponse:
        card = {"type": "AdaptiveCard", "version": "1.5", "body": []}
        return AdaptiveCardInvokeResponse(status_code=200, type="application/vnd.microsoft.card.adaptive", value=card)


async def main(port: int, settings: dict[str, str]) -> None:
    adapter = CloudAdapterBase(
        BotFrameworkAuthenticationFactory.create(
            validate_authority=True,
            to_channel_from_bot_login_url=settings["TO_CHANNEL_FROM_BOT_LOGIN_URL"],
            to_channel_from_bot_oauth_scope=settings["TO_CHANNEL_FROM_BOT_OAUTH_SCOPE"],
            to_bot_from_channel_token_issuer=settings["TO_BOT_FROM_CHANNEL_TOKEN_ISSUER"],
            oauth_url=settings["OAUTH_URL"],
            to_bot_from_channel_open_id_metadata_url=settings["TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL"],
            to_bot_from_emulator_open_id_metadata_url=settings["TO_BOT_FROM_EMULATOR_OPENID_METADATA_URL"],
            credential_factory=PasswordServiceClientCredentialFactory(
                settings["MICROSOFT_APP_ID"], settings["MICROSOFT_APP_PASSWORD"], settings["MICROSOFT_APP_TENANT_ID"]
            ),
        )
    )
    echo = Echo()
    logging.getLogger("msrest").setLevel(logging.ERROR)

    async def messages(request: web.Request) -> web.Response:
        activity = Activity().deserialize(await request.json())
        answer = await adapter.process_activity(request.headers["Authorization"], activity, echo.on_turn)
        return web.json_response(answer.body, status=answer.status)

    server = web.Application()
    server.add_routes([web.post("/api/messages", messages), web.get("/readyz", _ready)])
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="ready\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), json.loads(sys.argv[2])))
