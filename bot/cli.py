"""The command line: `esafety`. Each command imports what it needs, so that a quick one starts quickly."""

import argparse
import sys

from domain.policy import Policy
from storage.policy_files import PolicyFileError, load_policy


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        return _run(args)
    except PolicyFileError as wrong:
        print(f"esafety: {wrong}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="esafety", description="Report online-safety incidents in the chat staff already use.")
    commands = parser.add_subparsers(dest="command", required=True)
    categories = commands.add_parser("categories", help="the kinds of concern a school's policy knows")
    categories.add_argument("--school", required=True, help="a school, or a policy's name")
    categories.add_argument("--json", action="store_true", help="as JSON")
    route = commands.add_parser("route", help="whom a report would alert: JSON lines in, JSON lines out")
    route.add_argument("--school", required=True, help="a school, or a policy's name")
    route.add_argument("--batch", action="store_true", required=True, help="read JSON lines from standard input")
    return parser


def _run(args: argparse.Namespace) -> int:
    from bot import policy_commands

    match args.command:
        case "categories":
            return policy_commands.print_categories(_policy(args.school), as_json=args.json)
        case "route":
            return policy_commands.route_batch(_policy(args.school), sys.stdin, sys.stdout)
    raise AssertionError(args.command)


def _policy(school: str) -> Policy:
    return load_policy(school)
