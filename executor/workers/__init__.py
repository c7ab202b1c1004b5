"""The places where runs run, one module an isolation."""

from __future__ import annotations
