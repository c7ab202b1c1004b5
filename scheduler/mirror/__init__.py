"""Copies what XXL-JOB Admins know, jobs and runs, into PostgreSQL, and keeps it up to date."""

from __future__ import annotations
