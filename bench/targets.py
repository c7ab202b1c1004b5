"""The executors that are measured: ours, and the peers as their users start them."""

from __future__ import annotations

from bench.folders import PREPARED, ROOT
from bench.http1 import TOKEN
from bench.ours import COMMAND, PATH
from bench.target import Place, Target

JAVA_VERSIONS = ("2.4.2", "3.3.1")


def _arguments(place: Place) -> list[str]:
    return [str(place.port), place.admin_url, str(place.folder), TOKEN]


def _our_env(place: Place) -> dict[str, str]:
    return {
        "QOOERP_EXECUTOR__PORT": str(place.port),
        "QOOERP_EXECUTOR__ACCESS_TOKEN": TOKEN,
        "QOOERP_ADMIN__ADDRESSES": place.admin_url,
        "QOOERP_ADMIN__ACCESS_TOKEN": TOKEN,
        "QOOERP_HANDLERS__MODULES": '["bench.handlers"]',
        "QOOERP_DATA_DIR": str(place.folder / "data"),
        "PYTHONPATH": str(PATH),
    }


def _java(version: str) -> Target:
    built = PREPARED / f"java-{version}"
    classpath = f"{built}/classes:{built}/lib/*"
    return Target(
        name=f"Java {version}",
        command=lambda place: ["java", "-cp", classpath, "bench.Main", *_arguments(place)],
        needs=built / "lib",
        endless={"thread asleep": "sleeper", "thread in a loop": "spin"},
    )


OURS = Target(
    name="ours",
    command=lambda _: [str(COMMAND), "executor"],
    env=_our_env,
    needs=COMMAND,
    endless={
        "async": "sleeper",
        "thread asleep": "thread_sleeper",
        "thread in a loop": "spin",
        "process": "process_spin",
    },
)
PYXXL = Target(
    name="pyxxl 0.4.8",
    command=lambda place: [
        str(PREPARED / "pyxxl/bin/python"),
        str(ROOT / "bench/peers/pyxxl/app.py"),
        *_arguments(place),
    ],
    needs=PREPARED / "pyxxl/pyxxl-is-installed",
    endless={"async": "sleeper", "thread in a loop": "spin"},
)
GO = Target(
    name="executor-go 1.2.0",
    command=lambda place: [str(PREPARED / "gopeer"), *_arguments(place)],
    name_of=lambda handler, job: f"{handler}{job}",
    needs=PREPARED / "gopeer",
    endless={"goroutine asleep": "sleeper"},
    writer=None,
)
PEERS = (*(_java(version) for version in JAVA_VERSIONS), PYXXL, GO)
EVERYONE = (OURS, *PEERS)
