"""Lets others find the service through Nacos, and takes settings from there; needs no SDK."""

from __future__ import annotations
