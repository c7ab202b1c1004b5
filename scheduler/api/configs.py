"""The endpoints of configs: what handlers read as `ctx.config`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from scheduler.api.endpoint import delete, get, post
from scheduler.api.job_shapes import Description, Key
from scheduler.api.run_shapes import JobIdPath
from scheduler.api.shapes import Given, Id, Line, Told
from scheduler.configs import MOST_VALUE, Config, ConfigService
from scheduler.job_rule import zone_of
from scheduler.job_service import JobService
from scheduler.refusal import Invalid

_MOST_IDS = 200


def _ids(text: str) -> str:
    ids = text.split(",")
    if len(ids) > _MOST_IDS or not all(one.isascii() and one.isdecimal() for one in ids):
        raise ValueError(f"has to be a comma list of at most {_MOST_IDS} ids")
    if max(map(int, ids)) >= 2**63:
        raise ValueError("has an id that is too large")
    return text


class ConfigSet(Given):
    """A config to be added or changed."""

    job_id: Id
    config_key: Key
    config_value: Annotated[Line, Field(max_length=MOST_VALUE)]
    description: Description | None = Field(None, description="Without one the old one stays.")
    secret: bool = Field(False, description="Encrypted, and masked in answers, from now on.")


class ConfigPath(JobIdPath):
    config_key: Key


class ConfigQuery(Given):
    """Which configs are wanted: of a key, of several jobs, or both."""

    config_key: Key | None = None
    job_ids: (
        Annotated[str, Field(max_length=1000, pattern="^[0-9]+(,[0-9]+)*$"), AfterValidator(_ids)]
        | None
    ) = Field(None, description="A comma list.")


class ConfigTold(Told):
    """A config of a job."""

    job_id: int
    key: str = Field(alias="configKey")
    value: str = Field(alias="configValue", description="Masked when it is secret.")
    description: str
    secret: bool
    create_time: datetime
    update_time: datetime


class Configs:
    """Configs of jobs, which their handlers read as `ctx.config`."""

    def __init__(self, service: ConfigService, jobs: JobService) -> None:
        self._configs = service
        self._jobs = jobs

    @post("/configs")
    async def set(self, body: ConfigSet) -> ConfigTold:
        """Add or change a config of a job; the next run of the job reads it."""
        config = await self._configs.set(
            body.job_id,
            body.config_key,
            body.config_value,
            description=body.description,
            secret=body.secret,
        )
        return _shown(config)

    @get("/configs/{jobId}")
    async def of_job(self, path: JobIdPath) -> Sequence[ConfigTold]:
        """List the configs of a job."""
        await self._jobs.get(path.job_id)
        return _told(await self._configs.of_job(path.job_id))

    @get("/configs")
    async def find(self, query: ConfigQuery) -> Sequence[ConfigTold]:
        """List the configs of a key, of several jobs, or both."""
        if query.job_ids is None:
            if query.config_key is None:
                raise Invalid("config_key", "say which: configKey, jobIds or both")
            return _told(await self._configs.by_key(query.config_key))
        found = await self._configs.many(map(int, query.job_ids.split(",")))
        configs = [config for of_job in found.values() for config in of_job]
        return _told([one for one in configs if query.config_key in (None, one.key)])

    @delete("/configs/{jobId}/{configKey}")
    async def delete(self, path: ConfigPath) -> None:
        """Delete a config of a job."""
        await self._configs.delete(path.job_id, path.config_key)


def _told(configs: Sequence[Config]) -> Sequence[ConfigTold]:
    return [_shown(config) for config in configs]


def _shown(config: Config) -> ConfigTold:
    return ConfigTold.model_validate(config).in_zone(zone_of(config.timezone))
