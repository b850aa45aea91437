"""The Microsoft Teams edge. Nothing outside this package knows the Bot Framework."""
