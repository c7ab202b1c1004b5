"""The machine's zone, read from all the places that may name it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.system_zone import system_zone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "name"),
    {
        "Asia/Shanghai": "Asia/Shanghai",
        ":Europe/Berlin": "Europe/Berlin",
        "/usr/share/zoneinfo/America/New_York": "America/New_York",
        "/usr/share/zoneinfo/posix/Asia/Tokyo": "Asia/Tokyo",
        "Etc/UTC": "UTC",
    }.items(),
)
def test_tz_names_it(root: Path, given: str, name: str) -> None:
    assert system_zone({"TZ": given}, root) == (name, "TZ")


@pytest.mark.parametrize("strange", ["", "Mars/Olympus", "<+08>-8", "../../etc/passwd", "x\x00y"])
def test_what_is_no_zone_is_passed_over(root: Path, strange: str) -> None:
    (root / "etc/timezone").write_text("Asia/Shanghai\n")

    assert system_zone({"TZ": strange}, root) == ("Asia/Shanghai", "/etc/timezone")


def test_the_link_of_localtime_names_it_before_the_file(root: Path) -> None:
    (root / "etc/localtime").symlink_to("../usr/share/zoneinfo/Europe/Paris")
    (root / "etc/timezone").write_text("Asia/Shanghai\n")

    assert system_zone({}, root) == ("Europe/Paris", "/etc/localtime")


def test_a_localtime_that_is_a_copy_has_no_name(root: Path) -> None:
    (root / "etc/localtime").write_bytes(b"TZif2")

    assert system_zone({}, root).name == "UTC"


def test_where_nothing_names_it_it_is_utc(root: Path) -> None:
    assert system_zone({}, root).name == "UTC"
