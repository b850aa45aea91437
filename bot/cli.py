"""The command line: `esafety`. Each command loads what it needs, so that a quick one starts quickly."""

import argparse
import asyncio
import gc
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

from domain.policy import Policy
from storage.policy_files import PolicyFileError, load_policy, load_policy_at, policy_ids

_LOG_FORMS = ("pdf", "html", "csv-cpoms", "csv-myconcern", "text")
"""What `esafety report incident` writes: named here too, so that every other command starts without what draws them."""


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 something is not as it should be, 2 it could not be run."""
    args = _parser().parse_args(argv)
    if args.command == "run":
        # Nearly all that is made while it starts stays: to look through it again and again would take a sixth of the time.
        gc.disable()
    from bot.settings import SettingsError
    from storage.consent_lists import ConsentListError
    from storage.database import DatabaseUrlError
    from storage.key_ring import KeyRingError, SealError
    from storage.people_files import PeopleFileError
    from storage.school_files import SchoolFileError
    from storage.trouble import DatabaseTroubleError

    bad_files = (SettingsError, SchoolFileError, PolicyFileError, PeopleFileError, ConsentListError)
    try:
        code = _run(args)
        sys.stdout.flush()
    except (*bad_files, DatabaseUrlError, DatabaseTroubleError, KeyRingError, SealError) as wrong:
        print(f"esafety: {wrong}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read it has seen enough. What is left in the buffer must not fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    else:
        return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="esafety", description="Report online-safety incidents in the chat staff already use."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="serve Slack where it is set up, else a console on this machine with a demo school")
    commands.add_parser(
        "doctor", help="check settings, tokens, scopes, channels, roles and the database, and say how to mend each"
    )
    status = commands.add_parser(
        "status", help="how the bot stands: what is due, what was given up, which alerts nobody has answered"
    )
    status.add_argument("--json", action="store_true", help="as JSON")
    categories = commands.add_parser("categories", help="the kinds of concern a school's policy knows")
    categories.add_argument("--school", required=True, help="a school, a policy's name, or a pack's folder")
    categories.add_argument("--json", action="store_true", help="as JSON")
    route = commands.add_parser("route", help="whom a report would alert: JSON lines in, JSON lines out")
    route.add_argument("--school", required=True, help="a school, a policy's name, or a pack's folder")
    route.add_argument("--batch", action="store_true", required=True, help="read JSON lines from standard input")
    ask = commands.add_parser("ask", help="what a school's policy says to a question")
    ask.add_argument("--school", required=True, help="a school, a policy's name, or a pack's folder")
    ask.add_argument("--json", action="store_true", help="as JSON")
    ask.add_argument("--batch", action="store_true", help="read JSON lines from standard input")
    ask.add_argument("question", nargs="?", default="", help="in any words")
    _add_pack(commands.add_parser("pack", help="for whoever writes policies: docs/policy-writers-guide.md"))
    _add_lists(commands)
    _add_copying(commands)
    keys = commands.add_parser("keys", help="the master keys under which records are sealed: docs/keys.md")
    step = keys.add_subparsers(dest="step", required=True)
    step.add_parser("new", help="make a key, and put it before the others in the ring's file; else print its line")
    step.add_parser("rotate", help="put everything under the current key, while the bot runs")
    step.add_parser("status", help="what lies under which key, and which key may go")
    _add_report(commands.add_parser("report", help="figures of terms, what surveys came to, or a case's log form, as files"))
    _add_audit(commands.add_parser("audit", help="whether anybody changed the audit, and who has read what: docs/audit.md"))
    _add_exports(commands.add_parser("exports", help="the sealed pages that were taken out of the records: docs/exports.md"))
    package = commands.add_parser("teams-package", help="make the app package that is uploaded to Microsoft Teams")
    package.add_argument("--app-id", default="", help="the bot's Microsoft App ID; left out, MICROSOFT_APP_ID")
    package.add_argument("--out", type=Path, default=Path("esafety-teams.zip"), help="the file to write (%(default)s)")
    package.add_argument("--domain", help="the host at which Microsoft reaches the bot, such as esafety.example.sch.uk")
    package.add_argument("--name", help="what people see in Teams")
    package.add_argument("--developer", help="who answers for the app, at most 32 characters")
    package.add_argument("--website", help="where to ask about it: https://...")
    package.add_argument("--privacy", help="the school's privacy notice; left out, the website")
    package.add_argument("--terms", help="terms of use; left out, the website")
    package.add_argument("--version", help="of the package: Teams takes a changed one only under a higher number")
    return parser


def _add_lists(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    people = commands.add_parser("people", help="the school's lists of staff and pupils")
    steps = people.add_subparsers(dest="step", required=True)
    take = steps.add_parser("import", help="take over staff.csv or pupils.csv; all of it or nothing")
    take.add_argument("files", nargs="+", type=Path, help="a file whose name says whom it lists: staff.csv, pupils.csv")
    consent = commands.add_parser("consent", help="the register of consent for pictures of pupils: docs/consent.md")
    steps = consent.add_subparsers(dest="step", required=True)
    consents = steps.add_parser("import", help="take over a list of consent; all of it or nothing")
    consents.add_argument("file", type=Path, metavar="FILE", help="CSV: name, class, date, a column for each use")
    for step in (take, consents):
        step.add_argument("--school", help="which school, if there is more than one")
        step.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")


def _add_report(report: argparse.ArgumentParser) -> None:
    reports = report.add_subparsers(dest="step", required=True)
    _add_incident(reports.add_parser("incident", help="a case's log form, with the passphrase of the page made in the chat"))
    governors = reports.add_parser("governors", help="PDF, XLSX, CSV and a web page")
    governors.add_argument("--school", help="which school, if there is more than one")
    governors.add_argument("--from", dest="first", type=date.fromisoformat, required=True, metavar="DAY", help="2026-09-01")
    governors.add_argument("--to", dest="last", type=date.fromisoformat, required=True, metavar="DAY", help="2027-07-31")
    governors.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to: it is made if it is not there")
    counted = reports.add_parser("surveys", help="what pupils and parents chose, as CSV: docs/surveys.md")
    counted.add_argument("--school", help="which school, if there is more than one")
    counted.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to: it is made if it is not there")


def _add_audit(audit: argparse.ArgumentParser) -> None:
    steps = audit.add_subparsers(dest="step", required=True)
    verify = steps.add_parser("verify", help="follow the audit from first to last, and say where it was changed")
    verify.add_argument("--school", help="this school's alone")
    heads: dict[str, Any] = {"nargs": "+", "action": "extend", "default": [], "type": Path, "metavar": "FILE"}
    verify.add_argument("--head", **heads, help="signed heads that you kept: files, or a folder of them")
    verify.add_argument("--key", action="append", default=[], help="the public key that you kept; left out, this machine's")
    steps.add_parser("key", help="print the public key that checks the heads")
    readers = steps.add_parser("readers", help="who has looked at each case of a pupil, by reference")
    readers.add_argument("--school", help="which school, if there is more than one")
    readers.add_argument("--pupil", required=True, metavar="KEY", help="the pupil's key in pupils.csv: the column id")


def _add_incident(incident: argparse.ArgumentParser) -> None:
    incident.add_argument("--school", help="which school, if there is more than one")
    incident.add_argument("--case", required=True, metavar="REF", help="the case's number, such as CSS-2026-4071")
    incident.add_argument("--as", dest="email", required=True, metavar="EMAIL", help="who had the page made")
    incident.add_argument("--format", dest="form", choices=_LOG_FORMS, default="pdf", help="in which form (%(default)s)")
    incident.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="where to: it is made if it is not there")


def _add_exports(exports: argparse.ArgumentParser) -> None:
    steps = exports.add_subparsers(dest="step", required=True)
    steps.add_parser("list", help="every page, until when it lies there, and whether it is as it was made")
    verify = steps.add_parser("verify", help="whether pages are as they were made")
    verify.add_argument("files", nargs="*", metavar="NAME", help="these alone")
    open_ = steps.add_parser("open", help="write what a page shows into a file, with the passphrase that its maker was shown")
    open_.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to make")
    reissue = steps.add_parser("reissue", help="seal a page under a new passphrase, with the old one")
    delete = steps.add_parser("delete", help="delete a page before its time")
    for step in (open_, reissue, delete):
        step.add_argument("file", metavar="NAME", help="the page's name")


def _add_copying(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    backup = commands.add_parser("backup", help="copy all records into a new file, while the bot runs: docs/backup.md")
    backup.add_argument("file", type=Path, help="the file to make, such as esafety-2026-11-21.db")
    restore = commands.add_parser("restore", help="copy a backup into the database, which must be empty")
    restore.add_argument("file", type=Path, help="a file that esafety backup has made")
    move = commands.add_parser("move", help="copy all records into another database, with the bot stopped")
    move.add_argument("--to", required=True, metavar="URL", help="where to: postgresql://user:password@host/database")
    for command in (restore, move):
        command.add_argument(
            "--with-broken-audit", action="store_true", help="copy records whose audit somebody has changed, as they are"
        )


def _add_pack(pack: argparse.ArgumentParser) -> None:
    steps = pack.add_subparsers(dest="step", required=True)
    new = steps.add_parser("new", help="a small pack to begin with")
    check = steps.add_parser("check", help="everything in a pack, and what is wrong with it")
    test = steps.add_parser("test", help="a pack's own cases and questions: does each get the right answer?")
    test.add_argument("--least", type=_share, default=0.9, help="the share of questions that must be right (%(default)s)")
    coverage = steps.add_parser("coverage", help="what stands on each clause of the policy")
    coverage.add_argument("--json", action="store_true", help="as JSON")
    for step in (new, check, test, coverage):
        step.add_argument("path", type=Path, help="the pack's folder, such as policies/elton")
    schema = steps.add_parser("schema", help="the JSON Schema of a kind of file, for editors")
    schema.add_argument("kind", help="answers, table, catalogue, questions, policy, routes, routing_tests or uncovered")
    learn = steps.add_parser("learn", help="the ranking anew, after a change of catalogue or lexicon")
    learn.add_argument("--facts", action="store_true", help="only how facts are told, where no question has changed")


def _share(given: str) -> float:
    share = float(given)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("a share is between 0 and 1, such as 0.95")
    return share


def _run(args: argparse.Namespace) -> int:
    from bot import policy_commands

    match args.command:
        case "categories":
            return policy_commands.print_categories(_policy(args.school), as_json=args.json)
        case "route":
            return policy_commands.route_batch(_policy(args.school), sys.stdin, sys.stdout)
        case "ask":
            from bot.ask_command import ask_batch, ask_once

            policy = _policy(args.school)
            if args.batch:
                return ask_batch(policy, sys.stdin, sys.stdout)
            return ask_once(policy, args.question, sys.stdout, as_json=args.json)
        case "pack":
            return _pack(args)
        case "people":
            from bot.people_command import import_people

            return asyncio.run(import_people(args.files, args.school, dry_run=args.dry_run))
        case "consent":
            from bot.consent_command import import_consents

            return asyncio.run(import_consents(args.file, args.school, dry_run=args.dry_run))
        case "backup" | "restore" | "move":
            return _copy(args)
        case "keys":
            return _keys(args.step)
        case "audit":
            return _audit(args)
        case "report":
            if args.step == "incident":
                from bot.log_form_command import report_incident

                return asyncio.run(report_incident(args.school, args.case, args.email, args.form, args.out))
            from bot.report_command import report_for_governors, report_surveys

            if args.step == "surveys":
                return asyncio.run(report_surveys(args.school, args.out))
            return asyncio.run(report_for_governors(args.school, args.first, args.last, args.out))
        case "exports":
            return _exports(args)
        case "teams-package":
            from bot.teams.package import make_package

            words = ("domain", "name", "developer", "website", "privacy", "terms", "version")
            given = {word: value for word in words if (value := getattr(args, word)) is not None}
            return make_package(args.app_id, args.out, **given)
        case "doctor":
            from bot.doctor import examine

            return asyncio.run(examine())
        case "status":
            from bot.status_command import print_status
            from bot.wiring import SystemClock

            return asyncio.run(print_status(SystemClock(), as_json=args.json))
        case "run":
            from bot.serve import run

            run()
    raise AssertionError(args.command)


def _copy(args: argparse.Namespace) -> int:
    from bot import backup_commands

    match args.command:
        case "backup":
            return asyncio.run(backup_commands.back_up_to(args.file))
        case "restore":
            return asyncio.run(backup_commands.restore_from(args.file, broken_audit=args.with_broken_audit))
        case _:
            return asyncio.run(backup_commands.move_to(args.to, broken_audit=args.with_broken_audit))


def _keys(step: str) -> int:
    from bot import keys_command

    match step:
        case "new":
            from bot.wiring import SystemClock

            return keys_command.make_key(SystemClock().now())
        case "rotate":
            return asyncio.run(keys_command.rotate())
        case _:
            return asyncio.run(keys_command.print_status())


def _exports(args: argparse.Namespace) -> int:
    from bot import exports_command

    match args.step:
        case "list":
            return asyncio.run(exports_command.print_pages())
        case "verify":
            return asyncio.run(exports_command.verify(args.files))
        case "open":
            return asyncio.run(exports_command.open_into(args.file, args.out))
        case "reissue":
            return asyncio.run(exports_command.reissue(args.file))
        case _:
            return asyncio.run(exports_command.delete(args.file))


def _audit(args: argparse.Namespace) -> int:
    from bot import audit_command

    match args.step:
        case "verify":
            return asyncio.run(audit_command.verify(args.school, args.head, args.key))
        case "key":
            return audit_command.print_key()
        case _:
            return asyncio.run(audit_command.print_readers(args.school, args.pupil))


def _pack(args: argparse.Namespace) -> int:
    from bot import pack_commands

    match args.step:
        case "new":
            return pack_commands.new(args.path)
        case "check":
            return pack_commands.check(args.path)
        case "test":
            from bot.pack_trials import test

            return test(args.path, args.least)
        case "coverage":
            return pack_commands.print_coverage(args.path, as_json=args.json)
        case "schema":
            return pack_commands.print_schema(args.kind)
        case _:
            return _learn(facts_only=args.facts)


def _learn(*, facts_only: bool) -> int:
    from storage.learning import learn

    try:
        learn(facts_only=facts_only)
    except ImportError:
        print("esafety: to learn needs scikit-learn: pip install --group learn", file=sys.stderr)
        return 2
    return 0


def _policy(school: str) -> Policy:
    """The policy of a school, by the name of its file; else the policy of that name, or in the folder of that path."""
    from bot.settings import SettingsError, load_settings
    from storage.school_files import SchoolFileError, load_schools

    try:
        schools = load_schools(load_settings().schools_folder)
    except (SettingsError, SchoolFileError):
        # What a policy says can be asked without any school set up.
        schools = {}
    if school in schools:
        return schools[school].policy
    if school in policy_ids():
        return load_policy(school)
    if Path(school, "policy.yaml").is_file():
        return load_policy_at(Path(school).resolve())
    known = ", ".join(dict.fromkeys((*schools, *policy_ids())))
    raise PolicyFileError(f"there is no school or policy called {school!r}: there are {known}")
