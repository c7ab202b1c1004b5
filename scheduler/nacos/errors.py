"""What can go wrong between the service and Nacos, each said in one sentence.

NacosError
├── NacosUnreachable   no answer: network, timeout, a server error, still starting
│   └── BeingModified  a config that is being written in this moment
├── NotNacos           an answer, but not Nacos's
│   └── WrongPath      a server is there, but not this API: another generation, or another path
├── AccessRefused      user, password or rights
└── NacosRefused       Nacos said no, in words of its own
"""

from __future__ import annotations


class NacosError(Exception):
    """Base of all; the message is for the operator and names the address."""


class NacosUnreachable(NacosError):
    """Nobody answered; trying again later may help."""


class BeingModified(NacosUnreachable):
    """A config is being written: in a moment it can be read."""


class NotNacos(NacosError):
    """Something else answers at this address."""


class WrongPath(NotNacos):
    """There is no such API under this path."""


class AccessRefused(NacosError):
    """Nacos does not know the user, or the user may not do this."""


class NacosRefused(NacosError):
    """Nacos understood and said no."""
