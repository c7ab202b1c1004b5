"""Delivery of alarms: the outbox, what is written in messages, and the ways they go out."""
