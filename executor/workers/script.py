"""Scripts that come with their triggers (GLUE), each in a process and a directory of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from executor.context import JobContext
from executor.raised import JobFailed
from executor.worker import Ending, EndingKind
from executor.workers.child import ScriptJob
from executor.workers.keeper import Keeper
from executor.workers.kept_run import KeptRun

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from executor.model import Script
    from executor.worker import Assignment

_KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ")


@dataclass(frozen=True, slots=True)
class _Language:
    command: str
    suffix: str


# protocol.md (c), GLUE
_LANGUAGES = {
    "GLUE_SHELL": _Language("bash", "sh"),
    "GLUE_PYTHON": _Language("python3", "py"),
    "GLUE_PYTHON2": _Language("python", "py"),
    "GLUE_PHP": _Language("php", "php"),
    "GLUE_NODEJS": _Language("node", "js"),
    "GLUE_POWERSHELL": _Language("pwsh", "ps1"),
}


class ScriptWorker:
    """Runs scripts of *allowed_languages* (glueTypes) in directories beneath *directory*."""

    def __init__(
        self, directory: Path, allowed_languages: Collection[str], *, grace_s: float
    ) -> None:
        self._directory = directory
        self._allowed = frozenset(allowed_languages)
        self._grace_s = grace_s
        self._keeper = Keeper("scripts")

    def refusal(self, language: str) -> str | None:
        """Why a script in *language* is not run here; None when it is."""
        if language == "GLUE_GROOVY":
            return "GLUE_GROOVY is Java's: this executor is written in Python and cannot run it"
        if language not in _LANGUAGES:
            return f"glueType[{language}] is not valid."
        if language not in self._allowed:
            return f"scripts of glueType[{language}] are not allowed on this executor"
        return None

    async def open(self) -> None:
        if self._allowed:
            _make_empty(self._directory)
        self._keeper.open()

    def start(self, assignment: Assignment, ended: Callable[[Ending], None]) -> ScriptRun:
        return ScriptRun(
            self._keeper, assignment, ended=ended, grace_s=self._grace_s, under=self._directory
        )

    async def close(self) -> None:
        await self._keeper.close()


class ScriptRun(KeptRun):
    """One run of a script."""

    def __init__(
        self,
        keeper: Keeper,
        assignment: Assignment,
        *,
        ended: Callable[[Ending], None],
        grace_s: float,
        under: Path,
    ) -> None:
        self._under = under
        self._directory: Path | None = None
        super().__init__(keeper, assignment, ended=ended, grace_s=grace_s)

    def job(self) -> ScriptJob:
        script, trigger = self.assignment.trigger.script, self.assignment.trigger
        assert script is not None, "handlers have workers of their own"
        environment = _environment(JobContext.of(self.assignment))
        program = _program(script.language, environment["PATH"])
        self._directory = Path(tempfile.mkdtemp(dir=self._under))
        file = _write(self._directory, trigger.job_id, script)
        shard = [str(trigger.shard_index), str(trigger.shard_total)]
        return ScriptJob(
            command=[program, str(file), trigger.params, *shard],
            environment=environment,
            directory=str(self._directory),
        )

    def message(self, line: str) -> None:
        """Scripts have no such pipe."""

    def failed(self, error: BaseException) -> None:
        self._remove()
        super().failed(error)

    def exited(self, status: int | None) -> None:
        self._remove()
        super().exited(status)

    def ending(self, status: int | None) -> Ending:
        if status == 0:
            return Ending(EndingKind.RETURNED, "")
        if status is None or self._stopping or os.WIFSIGNALED(status):
            return self.death(status)
        code = os.waitstatus_to_exitcode(status)
        return Ending(EndingKind.RAISED, f"script exit value({code}) is failed")

    def _remove(self) -> None:
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)


def _make_empty(directory: Path) -> None:
    """Have *directory*, for us alone, without what runs left there; what cannot go hinders nobody.

    It may be a link to another disk, and scripts make folders that not even they may write in.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    for left in directory.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                left.unlink()


def _write(directory: Path, job_id: int, script: Script) -> Path:
    suffix = _LANGUAGES[script.language].suffix
    file = directory / f"{int(job_id)}_{int(script.version_ms)}.{suffix}"
    file.write_bytes(script.source.encode("utf-8", "replace"))
    return file


def _program(language: str, path: str) -> str:
    command = _LANGUAGES[language].command
    if found := shutil.which(command, path=path):
        return found
    raise JobFailed(f"{language} needs [{command}], which is not found on this machine's PATH")


def _environment(context: JobContext) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {
        "PATH": os.defpath,
        **kept,
        "QOOERP_JOB_ID": str(context.job_id),
        "QOOERP_LOG_ID": str(context.log_id),
        "QOOERP_ATTEMPT": str(context.attempt),
        "QOOERP_SCHEDULED_TIME": context.scheduled_time.isoformat(),
        "QOOERP_IDEMPOTENCY_KEY": context.idempotency_key,
    }
