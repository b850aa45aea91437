"""The program: settings, wiring, the edges, the worker and the command line. Only here are Slack and HTTP known."""
