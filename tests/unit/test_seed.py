from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLE = (TESTS.parent / "docs" / "seed.md").read_text("utf-8")
NAMED = sorted(
    set(re.findall(r"`((?:unit|contract|integration|acceptance)/\w+\.py(?:::\w+)?)`", TABLE))
)


def test_the_table_names_tests() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize("named", NAMED)
def test_a_test_that_the_table_of_the_seed_names_exists(named: str) -> None:
    file, _, test = named.partition("::")

    assert re.search(rf"^(async )?def {test or 'test_'}", (TESTS / file).read_text("utf-8"), re.M)
