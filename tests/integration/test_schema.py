from __future__ import annotations

import asyncio
import re
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy.schema import CreateSchema

from executor.errors import StartRefused
from executor.model import BlockStrategy, RunState, Source
from scheduler.alarms.tables import schedule_alarm_rule
from scheduler.database import (
    MIGRATION_LOCK,
    SCHEMA,
    create_database_if_missing,
    open_database,
    upgrade,
)
from scheduler.tables import metadata
from tests.integration.conftest import administer, named

SCHEMA_SQL = Path(__file__).parents[2] / "schema.sql"
CATALOGUE = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attnum,
            a.attidentity, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = $1::regnamespace""",
    "tables": """
        SELECT relname, relkind, reloptions, obj_description(oid), pg_get_expr(relpartbound, oid),
            pg_get_partkeydef(oid)
        FROM pg_class WHERE relnamespace = $1::regnamespace""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = $1::regnamespace""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname::regnamespace = $1::regnamespace",
    "functions": """
        SELECT proname, pg_get_functiondef(oid), obj_description(oid)
        FROM pg_proc WHERE pronamespace = $1::regnamespace""",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = $1::regnamespace AND NOT tgisinternal""",
    "schema": "SELECT obj_description($1::regnamespace)",
    "revision": "SELECT version_num, $1::regnamespace FROM qooerp_scheduler.alembic_version",
}


async def catalogue(url: str) -> dict[str, set[Any]]:
    connection = await asyncpg.connect(url)
    found = {
        kind: {str(tuple(row)) for row in await connection.fetch(query, SCHEMA)}
        for kind, query in CATALOGUE.items()
    }
    await connection.close()
    return found


async def apply_schema_sql(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(SCHEMA_SQL.read_text())
    await connection.close()


async def test_schema_sql_and_all_migrations_give_the_same_database(
    empty_database_url: str, database_url: str
) -> None:
    await apply_schema_sql(empty_database_url)

    by_hand, by_migrations = await catalogue(empty_database_url), await catalogue(database_url)

    assert len(by_hand["columns"]) > 100
    for kind in CATALOGUE:
        assert by_hand[kind] == by_migrations[kind], kind


CORE = {
    "columns": """
        SELECT table_name, column_name, ordinal_position, column_default, is_nullable, udt_name,
            character_maximum_length, is_identity, identity_generation
        FROM information_schema.columns WHERE table_schema = $1 AND table_name = ANY($2)""",
    "keys": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE conrelid::regclass::text = ANY($2) AND contype IN ('p', 'u', 'f')
        AND connamespace = $1::regnamespace""",
    "indexes": """
        SELECT indexname, indexdef FROM pg_indexes
        WHERE schemaname = $1 AND tablename = ANY($2)""",
}


async def test_the_core_tables_are_those_of_the_database(
    empty_database_url: str, database_url: str
) -> None:
    engine = open_database(empty_database_url)
    async with engine.begin() as connection:
        await connection.execute(CreateSchema(SCHEMA))
        await connection.run_sync(metadata.create_all)
    await engine.dispose()

    ours, theirs = await core(empty_database_url), await core(database_url)

    for kind in CORE:
        assert ours[kind] == theirs[kind], kind
    assert len(ours["columns"]) > 100


async def core(url: str) -> dict[str, set[Any]]:
    assert schedule_alarm_rule.metadata is metadata
    names = [table.name for table in metadata.sorted_tables]
    connection = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
    found = {
        k: {tuple(r) for r in await connection.fetch(q, SCHEMA, names)} for k, q in CORE.items()
    }
    tables = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'alembic_version'",
        SCHEMA,
    )
    await connection.close()
    assert {row[0] for row in tables} == set(names)
    return found


async def test_replicas_that_start_together_migrate_once(empty_database_url: str) -> None:
    await asyncio.gather(*(upgrade(empty_database_url) for _ in range(3)))

    assert await catalogue(empty_database_url)


async def test_a_migration_takes_as_long_as_it_does(
    database_url: str, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though other statements may not, by our limit or by those of the database."""
    monkeypatch.setattr(open_database, "__kwdefaults__", {"pool_size": 1, "patience_s": _HASTE_S})
    name = urlsplit(database_url).path.lstrip("/")
    for limit in ("statement_timeout", "lock_timeout"):
        await sql.execute(f"ALTER DATABASE {name} SET {limit} = '{_HASTE_S}s'")
    await sql.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
    waiting = asyncio.create_task(upgrade(database_url))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10 * _HASTE_S):
            await asyncio.shield(waiting)
    await sql.execute("SELECT pg_advisory_unlock($1)", MIGRATION_LOCK)

    await waiting


_HASTE_S = 0.2


async def test_a_database_made_by_schema_sql_is_taken_as_it_is(empty_database_url: str) -> None:
    await apply_schema_sql(empty_database_url)

    await upgrade(empty_database_url)


async def test_a_database_that_is_newer_than_the_code_is_refused(
    database_url: str, sql: asyncpg.Connection
) -> None:
    await sql.execute(f"UPDATE {SCHEMA}.alembic_version SET version_num = '9999'")

    with pytest.raises(StartRefused, match="revision 9999, which this version does not know"):
        await upgrade(database_url)


async def test_a_missing_database_is_made_once_by_replicas_that_start_together(
    postgres: str,
) -> None:
    url = named(postgres, 'qooerp "odd" name'.replace(" ", "%20").replace('"', "%22"))
    made = await asyncio.gather(*(create_database_if_missing(url) for _ in range(3)))

    assert True in made
    assert await create_database_if_missing(url) is False
    await administer(postgres, 'DROP DATABASE "qooerp ""odd"" name" WITH (FORCE)')


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("schedule_log_status_check", RunState),
        ("schedule_log_trigger_type_check", Source),
        ("schedule_job_block_strategy_check", BlockStrategy),
    ],
)
async def test_a_closed_set_of_the_schema_is_the_enum_of_the_code(
    sql: asyncpg.Connection, constraint: str, words: type[StrEnum]
) -> None:
    found = await sql.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1 AND conislocal"
        " AND coninhcount = 0",
        constraint,
    )

    assert set(re.findall(r"'(\w+)'", found)) == {word.value for word in words}


async def test_every_table_and_column_is_explained(sql: asyncpg.Connection) -> None:
    silent = await sql.fetch(
        """SELECT c.relname, a.attname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0
        WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') AND NOT relispartition
        AND c.relname <> 'alembic_version'
        AND col_description(c.oid, a.attnum) IS NULL""",
        SCHEMA,
    )

    assert silent == []


ENSURE = f"SELECT {SCHEMA}.ensure_log_partition($1::timestamptz)"


async def test_a_month_is_made_once_by_replicas_that_need_it_together(
    database_url: str, sql: asyncpg.Connection
) -> None:
    others = [await asyncpg.connect(database_url) for _ in range(4)]
    moment = await sql.fetchval("SELECT '2031-02-28 23:59:59.999Z'::timestamptz")

    names = await asyncio.gather(*(other.fetchval(ENSURE, moment) for other in others))

    assert set(names) == {"schedule_log_y2031m02"}
    for other in others:
        await other.close()


async def test_a_month_is_made_while_others_write(
    database_url: str, sql: asyncpg.Connection
) -> None:
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute(f"LOCK TABLE {SCHEMA}.schedule_log IN ROW EXCLUSIVE MODE")
        await sql.execute("SET lock_timeout = '2s'")

        moment = await sql.fetchval("SELECT '2031-03-01Z'::timestamptz")
        assert await sql.fetchval(ENSURE, moment) == "schedule_log_y2031m03"
    await other.close()


async def test_the_list_of_runs_is_read_in_order_without_sorting_all(
    sql: asyncpg.Connection,
) -> None:
    await sql.execute(f"SELECT {SCHEMA}.ensure_log_partition('2031-01-01Z')")
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_log
            (cluster, admin_log_id, trigger_time, job_id, trigger_type, status, scheduled_time)
        SELECT 'main', n, '2031-01-01Z'::timestamptz + n * interval '1 s', n % 50, 'admin',
            (ARRAY['succeeded', 'failed'])[1 + n % 2], now()
        FROM generate_series(1, 20000) n"""
    )
    await sql.execute(f"ANALYZE {SCHEMA}.schedule_log")

    for filters in ("true", "job_id = 7", "status = 'failed'"):
        plan = await sql.fetch(
            f"""EXPLAIN SELECT * FROM {SCHEMA}.schedule_log
            WHERE {filters} AND (trigger_time, id) < ('2031-01-01 03:00Z', 9000)
            ORDER BY trigger_time DESC, id DESC LIMIT 20"""
        )
        lines = [row[0] for row in plan]
        assert any("Index Scan Backward" in line for line in lines), lines
        assert not any(
            re.search(r"(^| )Sort  ", line) and "Incremental" not in line for line in lines
        )
