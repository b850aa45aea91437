"""`make bench`: what the bot takes to start and what it carries, against a floor measured in the same run."""
