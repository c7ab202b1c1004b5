from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.command import say
from tests.contract.fake_nacos import FakeNacos

SECRET = "not-to-be-shown"


async def test_config_says_where_each_setting_comes_from(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("logs:\n  keep_days: 7\nexecutor:\n  port: 9000\n")

    said = await say(tmp_path, "config", "--json", executor__port=9001)

    rows = json.loads(said.out)
    assert rows["executor.port"] == {"value": 9001, "from": "QOOERP_EXECUTOR__PORT"}
    assert rows["logs.keep_days"] == {"value": 7, "from": "config.yaml"}
    assert rows["executor.max_threads"] == {"value": 32, "from": "default"}


async def test_config_never_shows_a_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRET)
    admins = [{"name": "a", "addresses": "http://127.0.0.1:1", "access_token": SECRET}]
    settings = {
        "executor__access_token_file": tmp_path / "token",
        "database__url": f"postgresql://u:{SECRET}@127.0.0.1/x",
        "admins": json.dumps(admins),
    }

    said = await say(tmp_path, "config", **settings)

    assert said.code == 0
    assert SECRET not in said.out + said.err
    assert "QOOERP_EXECUTOR__ACCESS_TOKEN_FILE" in said.out


async def test_the_default_config_is_accepted_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "written.yaml").write_text((await say(tmp_path, "config", "--default")).out)

    said = await say(tmp_path, "config", "--config", "written.yaml", "--json")

    plain = await say(tmp_path, "config", "--json")
    assert _values(said.out) == _values(plain.out)


async def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("executor:\n  prot: 9000\n")

    said = await say(tmp_path, "config")

    assert said.code == 2
    assert "executor.prot" in said.err


async def test_a_named_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    said = await say(tmp_path, "config", config="elsewhere.yaml")

    assert said.code == 2
    assert "elsewhere.yaml does not exist" in said.err


def _values(out: str) -> dict[str, object]:
    return {key: row["value"] for key, row in json.loads(out).items() if key != "data_dir"}


async def test_config_shows_what_comes_from_nacos(tmp_path: Path) -> None:
    async with FakeNacos("v3") as nacos:
        await nacos.publish("a.yaml", "logs: {keep_days: 8}\n")
        settings = {"nacos__server_addresses": nacos.address, "nacos__config_data_id": "a.yaml"}
        said = await say(tmp_path, "config", "--json", **settings)

    row = json.loads(said.out)["logs.keep_days"]
    assert row == {"value": 8, "from": "a.yaml in Nacos"}


async def test_config_says_that_nacos_is_away_and_shows_the_rest(tmp_path: Path) -> None:
    settings = {"nacos__server_addresses": "127.0.0.1:1", "nacos__config_data_id": "a.yaml"}
    said = await say(tmp_path, "config", "--json", **settings)

    assert said.code == 0
    assert "127.0.0.1:1" in said.err
    assert json.loads(said.out)["logs.keep_days"]["value"] == 30
