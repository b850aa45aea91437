"""Fills a database with cases as the program writes them: a few are made by the program itself, and their rows are copied."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Dialect, LargeBinary, String, Table, Text, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from storage import tables as t
from tests.bench.databases import opened

_WHOSE = {
    "incidents": "id = :case",
    "summonses": "alert_id IN (SELECT id FROM alerts WHERE incident_id = :case)",
    "drafts": "id IN (SELECT draft_id FROM incidents WHERE id = :case)",
}
_PEOPLE = frozenset({"person_id", "owner_id", "reporter_person", "settled_by", "doer_id", "done_by"})
_REPORTERS = 500
_ID_LENGTH = 36


def of_a_case() -> Sequence[tuple[Table, str]]:
    """Every table that grows with the cases, and which of its rows are a case's."""
    whose = {table.name: "incident_id = :case" for table in t.metadata.sorted_tables if "incident_id" in table.columns} | _WHOSE
    return [(table, whose[table.name]) for table in t.metadata.sorted_tables if table.name in whose]


@dataclass(frozen=True, slots=True)
class Copies:
    """A case that is to be there so many times more. `aged`: each a minute after the one before; else all of one moment."""

    incident_id: str
    count: int
    aged: bool


async def fill(url: str, *wanted: Copies) -> None:
    """Copies cases. The copies have ids as the program makes them, spread or in the order of time, and references and places in
    the audit of their own.

    What the audit's hashes are of nobody looks at here: they are as long as hashes, and no chain.
    """
    engine = create_async_engine(opened(url).url, poolclass=NullPool)
    indexes = [index for table, _ in of_a_case() for index in table.indexes]
    try:
        async with engine.connect() as connected:
            connection = await connected.execution_options(isolation_level="AUTOCOMMIT")
            await _in_haste(connection)
            # To sort what an index holds once is much quicker than to find each row's place in it.
            for index in indexes:
                await connection.run_sync(index.drop)
            await connection.execute(text("BEGIN"))
            for number, copies in enumerate(wanted):
                await _copy(connection, copies, f"series_{number}")
            await connection.execute(text("COMMIT"))
            if connection.dialect.name == "postgresql":
                # An index made over rows that were changed lately is of no use until every transaction of the server has ended.
                await connection.execute(text("VACUUM"))
            for index in indexes:
                await connection.run_sync(index.create)
            if connection.dialect.name == "postgresql":
                # As the server does by itself after a while.
                await connection.execute(text("VACUUM ANALYZE"))
                # What was filled in goes to the disk now, and not for minutes beside what is measured.
                await connection.execute(text("CHECKPOINT"))
            else:
                await connection.execute(text("PRAGMA journal_mode=WAL"))
    finally:
        await engine.dispose()


async def _in_haste(connection: AsyncConnection) -> None:
    if connection.dialect.name == "sqlite":
        settings = [
            "PRAGMA journal_mode=OFF",
            "PRAGMA synchronous=OFF",
            "PRAGMA cache_size=-1000000",
            "PRAGMA temp_store=MEMORY",
            "PRAGMA threads=2",
        ]
    else:
        # Each row is known to refer to one that is there.
        settings = [
            "SET session_replication_role = replica",
            "SET synchronous_commit = off",
            "SET maintenance_work_mem = '512MB'",
        ]
    for setting in settings:
        await connection.execute(text(setting))


async def _copy(connection: AsyncConnection, copies: Copies, series: str) -> None:
    await connection.execute(text(_series(connection.dialect.name, copies, series)))
    given = {"case": copies.incident_id}
    lateral = "LATERAL" if connection.dialect.name == "postgresql" else ""
    for table, which in of_a_case():
        model = f"{series}_{table.name}"
        ranked = f"SELECT x.*, row_number() OVER () AS place FROM {table.name} x WHERE {which}"
        await connection.execute(text(f"CREATE TEMP TABLE {model} AS {_bound(ranked, given)}"))
        count = (await connection.execute(text(f"SELECT count(*) FROM {model}"))).scalar_one()
        values = ", ".join(_value(connection.dialect.name, table, c, count, aged=copies.aged) for c in table.columns)
        names = ", ".join(_quoted(connection.dialect.name, c.name) for c in table.columns)
        # Case after case, so that ids come in order; without a sort, which would take longer than all the rest.
        rows = f"(SELECT * FROM {model} WHERE s.i > 0 LIMIT {count})" if lateral else model
        query = f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {series} s CROSS JOIN {lateral} {rows} m"
        await connection.execute(text(query))
    for name, last in (("incidents", "count(*) FROM incidents"), ("audit", "max(seq) FROM audit")):
        numbers = f"UPDATE counters SET last = (SELECT {last}) WHERE name LIKE '{name}%'"
        await connection.execute(text(numbers))
    # As after years of work: the lists have been compared with every case as each was made.
    await connection.execute(text("DELETE FROM counters WHERE name = 'people_compared'"))
    compared = "INSERT INTO counters (school, name, last) SELECT school, 'people_compared', last FROM counters"
    await connection.execute(text(f"{compared} WHERE name = 'people'"))


def _bound(query: str, given: dict[str, str]) -> str:
    """PostgreSQL takes no parameters in a CREATE TABLE; the only one is an id of our own making."""
    return query.replace(":case", f"'{given['case']}'")


def _series(dialect: str, copies: Copies, name: str) -> str:
    step = 2**32 // (copies.count + 1)
    # What was made before is a minute earlier, which is about one of what the first eight digits count (RFC 9562).
    ago = f"({copies.count} + 1 - i)"
    minutes = ago if copies.aged else "0"
    ordered = f"{int(copies.incident_id[:8], 16)} - {ago}"
    if dialect == "sqlite":
        at = f"strftime('%Y-%m-%d %H:%M:%S', x.reported_at, '-' || {minutes} || ' minutes') || '.000000'"
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {copies.count})"
        prefix = f"printf('%08x', i * {step}) AS prefix, printf('%08x', {ordered}) AS ordered"
    else:
        at = f"x.reported_at - make_interval(mins => {minutes})"
        numbers = f"WITH n AS (SELECT generate_series(1, {copies.count}) AS i)"
        prefix = f"lpad(to_hex(i::bigint * {step}), 8, '0') AS prefix, lpad(to_hex({ordered}), 8, '0') AS ordered"
    first = "(SELECT count(*) FROM incidents)"
    last = "(SELECT max(seq) FROM audit)"
    return (
        f"CREATE TEMP TABLE {name} AS {numbers} SELECT i, {prefix}, {at} AS at, {first} + i AS number, {last} AS seq"
        f" FROM n, incidents x WHERE x.id = '{copies.incident_id}'"
    )


def _value(dialect: str, table: Table, column: Column[object], rows_a_case: int, *, aged: bool) -> str:
    """What a copy has in a column, of the row `m` of the model and the line `s` of the series."""
    name = f"m.{_quoted(dialect, column.name)}"
    match table.name, column.name:
        case "incidents", "reference":
            return f"'CSS-2026-' || {'printf' if dialect == 'sqlite' else 'to_char'}" + (
                "('%07d', s.number)" if dialect == "sqlite" else "(s.number, 'FM0999999')"
            )
        case ("incidents", "reporter_user") | ("drafts", "user_id"):
            return f"'U-r' || (s.i % {_REPORTERS})"
        case "incidents", "reporter_person":
            return f"'p-r' || (s.i % {_REPORTERS})"
        case "deliveries", "address_id":
            return f"CASE WHEN m.address_kind = 'user' THEN 'U-r' || (s.i % {_REPORTERS}) ELSE {name} END"
        case "deliveries", "step":
            return f"CASE WHEN m.step = '' THEN '' ELSE {_copied_id(name)} END"
        case "incidents", "state" if aged:
            return f"CASE WHEN {name} = 'closed' AND s.i % 2 = 0 THEN 'signed_off' ELSE {name} END"
        case "audit", "seq":
            return f"s.seq + (s.i - 1) * {rows_a_case} + m.place"
        case "audit", "previous" | "hash":
            return "lower(hex(randomblob(32)))" if dialect == "sqlite" else f"md5(s.i::text) || md5({name} || s.i::text)"
    if isinstance(column.type, LargeBinary) and column.nullable:
        # What is sealed opens in its own case only: a copy of it would be a forgery. A mark of a name is the same in each.
        return "NULL"
    if isinstance(column.type, t.Moment) and aged:
        return f"CASE WHEN {name} IS NULL THEN NULL ELSE s.at END"
    is_id = isinstance(column.type, String) and not isinstance(column.type, Text) and column.type.length == _ID_LENGTH
    if is_id and column.name not in _PEOPLE:
        return _copied_id(name)
    return name


def _copied_id(name: str) -> str:
    """An id of the copy: where the model's is in the order of time, so is this."""
    return f"CASE WHEN substr({name}, 15, 1) = '7' THEN s.ordered ELSE s.prefix END || substr({name}, 9)"


def _quoted(dialect: str, name: str) -> str:
    made: Dialect = sqlite.dialect() if dialect == "sqlite" else postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(made.identifier_preparer.quote(name))
