"""Looks at what the service needs, and says what is wrong and what to do about it."""

from __future__ import annotations
