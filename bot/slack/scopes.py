"""What the bot may do in a workspace."""

SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:read",
        "chat:write",
        "commands",
        "groups:read",
        "im:history",
        "users:read",
        "users:read.email",
    }
)
"""The manifests ask for these and no others, and a test holds the two together.

A direct message needs no im:write: it is posted to the user's id, never to a conversation that was opened before.
"""
