"""The local console: the bot in a browser, for trying it out."""
