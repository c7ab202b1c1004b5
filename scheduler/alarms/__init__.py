"""Alarms: problems that are detected, whom they concern, and what is owed to those people."""
