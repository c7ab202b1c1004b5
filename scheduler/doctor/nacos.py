"""Whether Nacos answers, lets us in, and lists us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp

from executor.settings import is_loopback
from scheduler.doctor.finding import Finding, fail, ok, warn
from scheduler.doctor.machine import is_running
from scheduler.nacos.client import NacosClient, NacosConfig, config_of
from scheduler.nacos.errors import AccessRefused, NacosError, NotNacos
from scheduler.nacos.overlay import Laid
from scheduler.nacos.part import instance_of
from scheduler.nacos.wire import Instance
from scheduler.settings import Settings


async def look_at_nacos(settings: Settings, laid: Laid) -> AsyncIterator[Finding]:
    """Every finding about Nacos; *laid* is what was read of the overlay."""
    config = config_of(settings.nacos)
    if config is None:
        yield ok("nacos", "none is set: callers find the REST API by its URL")
        return
    if settings.nacos.username == "nacos" == settings.nacos.password.get_secret_value():
        said = "user and password are those that Nacos is shipped with"
        yield fail("nacos user", said, "change the password in Nacos, and set it here")
    async with aiohttp.ClientSession() as session:
        client = NacosClient(config, session)
        async for finding in _servers(client, settings):
            yield finding
    if settings.nacos.config_data_id:
        yield overlay_of(laid)


async def _servers(client: NacosClient, settings: Settings) -> AsyncIterator[Finding]:
    me = instance_of(settings, client.config, settings.scheduler.port)
    faults = await client.check(me.service)
    trouble = fail if all(fault for _, fault in faults) else warn
    for address, fault in faults:
        if fault is not None:
            yield trouble("nacos", str(fault), _advice(fault))
        else:
            api = client.api_of(address)
            yield ok("nacos", f"{address} answers (API {api}), group {settings.nacos.group}")
    yield address_of(me, client.config)
    if not all(fault for _, fault in faults):
        yield await _listed(client, me, running=is_running(settings.data_dir))


def _advice(fault: NacosError) -> str:
    if isinstance(fault, AccessRefused):
        return "set nacos.username and .password to a user that may write this namespace"
    if isinstance(fault, NotNacos):
        return (
            "set nacos.server_addresses to host:port of Nacos itself, with its path if not /nacos"
        )
    return "start it, or check nacos.server_addresses; the service registers when it is back"


def address_of(me: Instance, config: NacosConfig) -> Finding:
    """Whether callers elsewhere can use the address that is registered."""
    subject, where = "nacos address", f"{me.ip}:{me.port}"
    servers = [urlsplit(address).hostname or "" for address in config.addresses]
    if is_loopback(me.ip) and not all(map(is_loopback, servers)):
        said = f"{where} is this machine alone, and Nacos is another"
        return warn(subject, said, "set scheduler.host to 0.0.0.0, or nacos.address to our own")
    return ok(subject, f"callers are told {where}")


async def _listed(client: NacosClient, me: Instance, *, running: bool) -> Finding:
    subject = "nacos registration"
    try:
        found = await client.instances(me.service)
    except NacosError as error:
        return warn(subject, str(error), "ask again")
    here = [one for one in found if (one.ip, one.port) == (me.ip, me.port)]
    if here and here[0].healthy:
        return ok(subject, f"{me.ip}:{me.port} is listed as {me.service}")
    if here:
        return warn(subject, f"{me.ip}:{me.port} is listed as unhealthy", "see the service's log")
    others = f", {len(found)} others are" if found else ""
    said = f"{me.ip}:{me.port} is not listed as {me.service}{others}"
    if running:
        return fail(subject, said, "see nacos_away in the service's log; check namespace and group")
    return ok(subject, f"{said}; the service does not run")


def overlay_of(laid: Laid) -> Finding:
    """Whether the config in Nacos could be laid over the file's."""
    subject, data_id = "nacos config", laid.settings.nacos.config_data_id
    if laid.refused:
        return fail(subject, f"{data_id} is refused: {laid.trouble}", "mend that key in Nacos")
    if laid.trouble:
        advice = "a start now takes the last good one, or config.yaml alone"
        return warn(subject, f"{data_id} can't be read: {laid.trouble}", advice)
    if laid.text is None:
        advice = "publish it, or empty nacos.config_data_id"
        return warn(subject, f"there is no {data_id} in this namespace and group", advice)
    return ok(subject, f"{data_id} is read and in order")
