"""The overlay: a config in Nacos that is laid over `config.yaml`, and under the environment.

The last good one is kept in data_dir, so that a start while Nacos is away is no start with other
settings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import structlog

from executor.errors import StartRefused
from scheduler.nacos.client import NacosClient, config_of
from scheduler.nacos.errors import NacosError
from scheduler.settings import PREFIX, Settings, Sources, flat, values_in

_log = structlog.get_logger(__name__)
_KEPT = "nacos-overlay.yaml"
_WITHIN_S = 5.0
"""How long a start waits for Nacos."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Settings with an overlay in them, or without when there is none."""

    settings: Settings
    sources: Sources
    text: str | None = None
    """The config in Nacos, as it was read; None when there is none, or it could not be read."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What is in force of it."""
    trouble: str = ""
    """Why it is not in force as it is in Nacos."""
    refused: bool = False

    def origins(self) -> dict[str, str]:
        """Where each setting comes from that is not left at its default, by dotted key."""
        source = f"{self.settings.nacos.config_data_id} in Nacos"
        above = {
            key: given for key, given in self.sources.origins.items() if given.startswith(PREFIX)
        }
        return {**self.sources.origins, **dict.fromkeys(dict(flat(self.values)), source), **above}

    def tell(self) -> None:
        """Log what has come of it; only a service does, once its log is set up."""
        data_id = self.settings.nacos.config_data_id
        keys = [key for key, _ in flat(self.values)]
        if self.refused:
            _log.error("overlay_refused", data_id=data_id, reason=self.trouble)
        elif self.trouble:
            _log.warning("overlay_away", data_id=data_id, reason=self.trouble, kept=keys)
        elif data_id:
            _log.info("overlay_read", data_id=data_id, keys=keys)


def lay(sources: Sources, text: str | None) -> Laid:
    """*text* over *sources*; as without it, and with the reason, when it has a mistake."""
    configured = sources.settings()
    source = f"{configured.nacos.config_data_id} in Nacos"
    try:
        values = values_in(text or "", source)
        if "nacos" in values:
            raise StartRefused("nacos: where Nacos is can't be said in Nacos")  # noqa: TRY301
        settings = sources.settings(values)
    except StartRefused as refusal:
        return Laid(configured, sources, text, trouble=str(refusal), refused=True)
    return Laid(settings, sources, text, values)


def begin(sources: Sources, *, within_s: float = _WITHIN_S) -> Laid:
    """The settings to start with. Raise StartRefused for a mistake in file or environment."""
    configured = sources.settings()
    if config_of(configured.nacos) is None or not configured.nacos.config_data_id:
        return Laid(configured, sources)
    try:
        text = asyncio.run(_fetch(configured, within_s))
    except NacosError as error:
        return _as_kept(sources, configured, str(error))
    except TimeoutError:
        return _as_kept(sources, configured, f"no answer in {within_s:.0f} s")
    return lay(sources, text)


def _as_kept(sources: Sources, configured: Settings, reason: str) -> Laid:
    laid = lay(sources, _kept(configured.data_dir))
    return Laid(laid.settings, sources, None, laid.values, trouble=reason)


async def _fetch(settings: Settings, within_s: float) -> str | None:
    config = config_of(settings.nacos)
    assert config is not None
    async with asyncio.timeout(within_s), aiohttp.ClientSession() as session:
        return await NacosClient(config, session).config_text(settings.nacos.config_data_id)


def _kept(data_dir: Path) -> str | None:
    try:
        return (data_dir / _KEPT).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def keep(laid: Laid) -> None:
    """Remember what was read, for a start without Nacos. Raise OSError."""
    folder = laid.settings.data_dir
    if laid.text is None:
        (folder / _KEPT).unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{_KEPT}.new"
    fresh.touch(0o600)  # it may hold secrets
    fresh.write_text(laid.text, encoding="utf-8")
    fresh.replace(folder / _KEPT)
