from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from scheduler.config_file import default_config
from scheduler.settings import Settings, flat, load

FILE = Path(__file__).parents[2] / "config.yaml"


def test_config_yaml_is_what_the_settings_say() -> None:
    assert FILE.read_text(encoding="utf-8") == default_config(), (
        "write it anew: qooerp-scheduler config --default > config.yaml"
    )


def test_config_yaml_changes_nothing() -> None:
    assert load(FILE, {}) == Settings()


def test_config_yaml_has_every_setting() -> None:
    there = {key for key, _ in flat(yaml.safe_load(default_config()))}

    assert there == {key for key, _ in flat(Settings().model_dump())}


def test_every_setting_is_explained() -> None:
    lines = default_config().splitlines()
    for before, line in pairwise(lines):
        if ": " in line and "#" not in line:
            assert before.lstrip().startswith("# "), line
            assert before.strip() != "# None", line


@pytest.mark.parametrize("key", ["username", "token_sha256"])
def test_the_entries_of_lists_are_shown_as_comments(key: str) -> None:
    assert any(
        line.lstrip().startswith("#") and f" {key}:" in line
        for line in default_config().splitlines()
    )
