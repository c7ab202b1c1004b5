from __future__ import annotations

import pytest

from executor.errors import StartRefused
from scheduler.database import open_database, plain_dsn


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_a_dsn_may_be_spelt_for_libpq_or_for_sqlalchemy(scheme: str) -> None:
    assert plain_dsn(f"{scheme}://me@host/db?sslmode=require") == (
        "postgresql://me@host/db?sslmode=require"
    )


@pytest.mark.parametrize("url", ["", "embeded", "mysql://host/db", "host=/tmp"])
def test_what_is_no_dsn_is_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(StartRefused, match="must be 'embedded' or start with postgresql://"):
        plain_dsn(url)


def test_the_engine_does_not_show_the_password() -> None:
    engine = open_database("postgresql://me:secret@host/db")

    assert "secret" not in repr(engine) + str(engine.url.render_as_string(hide_password=False))
