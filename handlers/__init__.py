"""The product's own handlers."""

from __future__ import annotations
