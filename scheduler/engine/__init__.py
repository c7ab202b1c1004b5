"""The local engine: plans, claims and fires the jobs that this service schedules itself."""

from __future__ import annotations
