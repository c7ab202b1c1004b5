"""What can be checked over HTTP: the ports, the Admins, the way back, and the clocks."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from admin_bridge import TOKEN_HEADER, AdminCluster
from executor.advertised import Advertised
from executor.clock import SystemClock, moment
from executor.presence import config_of
from executor.settings import ClusterSection, is_loopback
from scheduler.doctor.finding import Finding, Verdict, fail, ok, warn
from scheduler.doctor.machine import is_running
from scheduler.settings import Settings

_PATIENCE = aiohttp.ClientTimeout(total=5)
_SKEW_S = 5.0
"""An Admin's Date header is cut to the second; a trigger's time is shown and compared."""


async def look_at_network(settings: Settings) -> AsyncIterator[Finding]:
    """Every finding about ports and Admins."""
    clusters = settings.clusters()
    yield _port("executor.port", settings.executor.host, settings.executor.port, settings)
    yield _port("scheduler.port", settings.scheduler.host, settings.scheduler.port, settings)
    async with aiohttp.ClientSession(timeout=_PATIENCE) as session:
        if not clusters:
            advice = "set admin.addresses (QOOERP_ADMIN__ADDRESSES)"
            yield warn("admin", "none is configured: nobody will trigger runs", advice)
        for cluster in clusters:
            async for finding in _cluster(settings, cluster, session):
                yield finding
            yield await _way_back(settings, cluster, session)


def _port(subject: str, host: str, port: int, settings: Settings) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE and is_running(settings.data_dir):
            return ok(subject, f"{host}:{port} is in use while the service runs")
        said = f"{host}:{port}: {error.strerror or error}"
        return fail(subject, said, "stop what uses it, or set another host or port")
    return ok(subject, f"{host}:{port} is free")


async def _cluster(
    settings: Settings, section: ClusterSection, session: aiohttp.ClientSession
) -> AsyncIterator[Finding]:
    subject = f"admin {section.name}"
    try:
        config = config_of(settings, section)
        cluster = AdminCluster(config)
    except ValueError as error:
        yield fail(subject, str(error), "the service will not start like this")
        return
    faults = await cluster.check()
    cluster.close()
    for address, fault in faults:
        if fault is not None:
            yield fail(subject, str(fault), "runs cannot be called back through this address")
            continue
        yield ok(subject, f"{address} accepts path, token and app name {config.app_name}")
        yield await _clock(address, session)


async def _clock(address: str, session: aiohttp.ClientSession) -> Finding:
    try:
        async with session.get(address, allow_redirects=False) as response:
            theirs = _date(response.headers.get("Date", ""))
    except (aiohttp.ClientError, TimeoutError) as error:
        return warn("clock", f"{address}: {error!r}", "ask again")
    if theirs is None:
        return ok("clock", f"{address} does not say what time it is")
    skew = (moment(SystemClock().now_ms()) - theirs).total_seconds()
    said = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} {address}"
    if abs(skew) <= _SKEW_S:
        return ok("clock", f"agrees with {address}")
    return warn("clock", said, "let both machines keep their time by NTP")


def _date(header: str) -> datetime | None:
    try:
        return parsedate_to_datetime(header)
    except ValueError:
        return None


async def _way_back(
    settings: Settings, cluster: ClusterSection, session: aiohttp.ClientSession
) -> Finding:
    """Whether the Admin can reach us, as far as that can be told from here."""
    url = await advertised_url(settings) + settings.prefix_of(cluster.name)
    subject = "advertised address"
    hosts = [urlsplit(address).hostname or "" for address in cluster.addresses]
    if is_loopback(urlsplit(url).hostname or "") and not all(map(is_loopback, hosts)):
        said = f"{url} is this machine alone, and the Admin {cluster.name} is another"
        return warn(subject, said, "set executor.host to 0.0.0.0 and executor.address to our URL")
    beat = await _beat(url, settings.token_of(cluster), session)
    if beat.verdict is not Verdict.OK and not is_running(settings.data_dir):
        return warn(subject, f"{url}: the executor is not running", "start it, then ask again")
    return beat


async def _beat(url: str, token: str, session: aiohttp.ClientSession) -> Finding:
    subject, advice = "advertised address", "set executor.address to a URL that Admins can reach"
    try:
        async with session.post(f"{url}/beat", headers={TOKEN_HEADER: token}) as response:
            answer = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return fail(subject, f"{url}/beat: {error or type(error).__name__}", advice)
    if not isinstance(answer, dict) or answer.get("code") != 200:
        return fail(subject, f"{url}/beat answers {str(answer)[:200]}", advice)
    return ok(subject, f"{url} answers from here")


async def advertised_url(settings: Settings) -> str:
    """Under which URL the executor registers, as far as it can be told before it listens."""
    section = settings.executor
    admins = [address for cluster in settings.clusters() for address in cluster.addresses]
    known = Advertised(section.address, host=section.host, port=section.port, admins=admins)
    return await known.look()
