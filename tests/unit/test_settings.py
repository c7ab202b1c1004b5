"""How settings are read: file below, environment above, and every mistake named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from executor.app import check_safe
from executor.errors import StartRefused
from executor.settings import is_loopback
from scheduler.settings import load

SECRET = "not-to-be-shown"
SERVERS = {"QOOERP_DATABASE__URL": "postgresql", "QOOERP_REDIS__URL": "redis"}


def a_file(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(environ: dict[str, str], path: Path | None = None) -> str:
    with pytest.raises(StartRefused) as refusal:
        load(path, environ).clusters()
    assert SECRET not in str(refusal.value)
    return str(refusal.value)


def test_everything_has_a_default_and_the_promised_one() -> None:
    settings = load(None, {})

    assert str(settings.data_dir) == "data"
    assert settings.executor.enabled
    assert (settings.executor.host, settings.executor.port) == ("127.0.0.1", 9999)
    assert settings.executor.app_name == "qooerp-scheduler"
    assert settings.executor.address == ""
    assert settings.executor.access_token.get_secret_value() == ""
    assert (settings.scheduler.host, settings.scheduler.port) == ("127.0.0.1", 8100)
    assert settings.database.url.get_secret_value() == "embedded"
    assert settings.handlers.modules == ["handlers"]
    assert settings.clusters() == []


def test_a_script_type_that_there_is_not_is_named_with_those_there_are() -> None:
    said = refused({"QOOERP_EXECUTOR__SCRIPTS": '["GLUE_SHELL", "GLUE_BASH"]'})

    assert "executor.scripts" in said
    assert "'GLUE_BASH'" in said
    assert "GLUE_PYTHON" in said


def test_the_environment_overrides_the_file_key_by_key(tmp_path: Path) -> None:
    path = a_file(tmp_path, "executor: {port: 1, host: localhost}\nlogs: {keep_days: 7}\n")
    settings = load(path, {"QOOERP_EXECUTOR__PORT": "2", "OTHER": "x"})

    assert (settings.executor.port, settings.executor.host) == (2, "localhost")
    assert settings.logs.keep_days == 7


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_changes_nothing(tmp_path: Path, text: str) -> None:
    assert load(a_file(tmp_path, text), {}) == load(None, {})


@pytest.mark.parametrize("modules", ["a.b, c", '["a.b","c"]'])
def test_lists_are_given_as_json_or_with_commas(modules: str) -> None:
    assert load(None, {"QOOERP_HANDLERS__MODULES": modules}).handlers.modules == ["a.b", "c"]


def test_the_short_form_makes_one_cluster_of_several_addresses() -> None:
    settings = load(
        None,
        {
            "QOOERP_ADMIN__ADDRESSES": "http://a:1/x , http://b:2,",
            "QOOERP_ADMIN__ACCESS_TOKEN": SECRET,
        },
    )
    (cluster,) = settings.clusters()

    assert (cluster.name, cluster.addresses) == ("default", ["http://a:1/x", "http://b:2"])
    assert settings.token_of(cluster) == SECRET
    assert SECRET not in repr(settings)


def test_the_executor_s_token_is_that_of_clusters_without_one() -> None:
    admins = '[{"name": "a", "addresses": "http://a", "access_token": "a\'s"}, {"name": "b", "addresses": "http://b"}]'
    settings = load(None, {"QOOERP_ADMINS": admins, "QOOERP_EXECUTOR__ACCESS_TOKEN": "ours"})

    assert [settings.token_of(cluster) for cluster in settings.clusters()] == ["a's", "ours"]


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.5:9999",
        "ftp://a",
        "http://",
        "http://a..b:8080",
        "http://exa mple:8080",
        f"http://{'a' * 70}.com",
        "http://a:99999",
        "http://a:x",
        "http://a:8080?y=1",
        "http://a#b",
        "http://[::g]:80",
        "http://a/\tb",
    ],
)
@pytest.mark.parametrize("key", ["executor.address", "admin.addresses", "admins.0.addresses"])
def test_a_url_that_cannot_be_used_is_refused_by_its_key(key: str, address: str) -> None:
    admins = json.dumps([{"name": "a", "addresses": [address]}])
    variable, value = {
        "executor.address": ("QOOERP_EXECUTOR__ADDRESS", address),
        "admin.addresses": ("QOOERP_ADMIN__ADDRESSES", address),
        "admins.0.addresses": ("QOOERP_ADMINS", admins),
    }[key]

    assert refused({variable: value}).startswith(key)


@pytest.mark.parametrize(
    "address", ["http://a", "https://bücher.example:8443/x/", "http://[::1]:80", "http://ex_a.:1"]
)
def test_a_url_of_any_host_is_taken(address: str) -> None:
    environ = {"QOOERP_EXECUTOR__ADDRESS": address, "QOOERP_ADMIN__ADDRESSES": address}

    assert load(None, environ).clusters()[0].addresses == [address]


def test_an_address_that_no_admin_stores_is_refused() -> None:
    prefix = "http://a/"
    fits = prefix + "x" * (255 - len(prefix))
    two = '[{"name": "erp", "addresses": "http://a"}, {"name": "b", "addresses": "http://b"}]'

    load(None, {"QOOERP_EXECUTOR__ADDRESS": fits}).clusters()
    assert "executor.address: " in refused({"QOOERP_EXECUTOR__ADDRESS": f"{fits}x"})
    load(None, {"QOOERP_EXECUTOR__ADDRESS": fits[:-4], "QOOERP_ADMINS": two}).clusters()
    assert "executor.address: " in refused(
        {"QOOERP_EXECUTOR__ADDRESS": fits[:-3], "QOOERP_ADMINS": two}
    )


def test_addresses_of_nothing_are_no_cluster() -> None:
    assert load(None, {"QOOERP_ADMIN__ADDRESSES": " , "}).clusters() == []


def test_several_clusters_stand_beside_the_short_form() -> None:
    admins = '[{"name": "old", "addresses": "http://a,http://b"}]'
    environ = {"QOOERP_ADMINS": admins, "QOOERP_ADMIN__ADDRESSES": "http://c"}

    names = [cluster.name for cluster in load(None, environ).clusters()]
    assert names == ["old", "default"]


def test_a_secret_can_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    settings = load(None, {"QOOERP_EXECUTOR__ACCESS_TOKEN_FILE": str(tmp_path / "token")})

    assert settings.executor.access_token.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"QOOERP_EXECUTOR__PROT": "1"}, "executor.prot: there is no such setting"),
        ({"QOOERP_EXEKUTOR__PORT": "1"}, "QOOERP_EXEKUTOR__PORT: there is no setting 'exekutor'"),
        ({"QOOERP_EXECUTOR__PORT": "70000"}, "executor.port: "),
        (
            {"QOOERP_SCHEDULER__TIMEZONE": "Mars"},
            "scheduler.timezone: there is no time zone 'Mars'",
        ),
        ({"QOOERP_EXECUTOR__PORT": SECRET}, "executor.port: "),
        ({"QOOERP_EXECUTOR": SECRET}, "executor: "),
        ({"QOOERP_ADMINS": f'[{{"name": "{SECRET}!"}}]'}, "admins.0.name: "),
        ({"QOOERP_ADMINS": f"{{{SECRET}"}, "admins: "),
        ({"QOOERP_ADMINS": '[{"name": "local", "addresses": "http://a"}]'}, "'local' is taken"),
        ({"QOOERP_LOGS__KEEP_DAYS": "0"}, "logs.keep_days: "),
        ({"QOOERP_EXECUTOR__ACCESS_TOKEN_FILE": "/nowhere/at/all"}, "ACCESS_TOKEN_FILE: "),
        ({"QOOERP_EXECUTOR__ADDRESS": f"http://u:{SECRET}@a:1"}, "executor.address: "),
        ({"QOOERP_ADMIN__ADDRESSES": f"http://a,http://u:{SECRET}@b?c"}, "admin.addresses: "),
        ({"QOOERP_NACOS__SERVER_ADDRESSES": f"u:{SECRET}@nacos"}, "nacos.server_addresses: "),
        *(
            ({variable: f"{scheme}://u:{SECRET}{mark}{SECRET}@host:1/2"}, "as %2F")
            for variable, scheme in SERVERS.items()
            for mark in "/?#[]"
        ),
        ({"QOOERP_DATABASE__URL": "postgresql://u@host:70000/db"}, "database.url: "),
    ],
)
def test_a_mistake_in_the_environment_is_named_and_no_value_shown(
    environ: dict[str, str], names: str
) -> None:
    assert names in refused(environ)


@pytest.mark.parametrize(
    "url",
    [
        "embedded",
        "postgresql:///db?host=/var/run/postgresql",
        "postgresql://u:p%2Fw:p@one:5432,[::1]:5433,two/db?sslmode=require",
        "postgresql://%2Fvar%2Frun/db",
        "postgresql+asyncpg://u@host/db",
    ],
)
def test_a_database_may_be_anywhere_that_libpq_knows(url: str) -> None:
    assert load(None, {"QOOERP_DATABASE__URL": url}).database.url.get_secret_value() == url


@pytest.mark.parametrize(
    "url", ["", "redis://:p%40w@host:6379/0", "rediss://[::1]", "unix://u:p@/run/redis.sock?db=1"]
)
def test_a_redis_may_be_anywhere_that_its_library_knows(url: str) -> None:
    assert load(None, {"QOOERP_REDIS__URL": url}).redis.url.get_secret_value() == url


def test_two_clusters_of_one_name_are_refused() -> None:
    twice = '[{"name": "a", "addresses": "http://a"}, {"name": "a", "addresses": "http://b"}]'

    assert "'a' is taken" in refused({"QOOERP_ADMINS": twice})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("executor: {colour: red}", "executor.colour: there is no such setting"),
        ("executor: [", "is not YAML"),
        ("- a\n- b\n", "settings stand as `key: value`"),
        ("just words", "settings stand as `key: value`"),
        (f"executor: {{access_token: [{SECRET}]}}", "executor.access_token: "),
    ],
)
def test_a_mistake_in_the_file_is_named_and_no_value_shown(
    tmp_path: Path, text: str, names: str
) -> None:
    assert names in refused({}, a_file(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "no.yaml") in refused({}, tmp_path / "no.yaml")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_only_this_machine_reaches_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


OPEN = {"QOOERP_EXECUTOR__HOST": "0.0.0.0"}
SCRIPTS = {"QOOERP_EXECUTOR__SCRIPTS": '["GLUE_SHELL"]'}
TOKEN = {"QOOERP_EXECUTOR__ACCESS_TOKEN": "t"}
ADMIN = {"QOOERP_ADMIN__ADDRESSES": "http://a"}
ADMIN_TOKEN = {"QOOERP_ADMIN__ACCESS_TOKEN": "t"}
HALF_CLOSED = {
    "QOOERP_ADMINS": '[{"name": "a", "addresses": "http://a", "access_token": "t"},'
    ' {"name": "b", "addresses": "http://b"}]'
}


@pytest.mark.parametrize(
    "environ", [OPEN, OPEN | ADMIN, OPEN | HALF_CLOSED, SCRIPTS, SCRIPTS | HALF_CLOSED]
)
def test_what_is_open_to_others_without_a_token_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(StartRefused, match=r"executor\.(host|scripts)"):
        check_safe(load(None, environ))


@pytest.mark.parametrize(
    "environ",
    [
        {},
        ADMIN,
        OPEN | TOKEN,
        OPEN | ADMIN | ADMIN_TOKEN,
        SCRIPTS | TOKEN,
        OPEN | HALF_CLOSED | TOKEN,
    ],
)
def test_what_is_closed_or_only_reached_from_here_may_start(environ: dict[str, str]) -> None:
    check_safe(load(None, environ))
