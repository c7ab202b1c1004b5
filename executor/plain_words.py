"""What pydantic says of a wrong value, in words for those who do not know it; pure."""

from __future__ import annotations


def in_plain_words(message: str) -> str:
    """*message* of an error of pydantic, without what only it means."""
    if message == "Extra inputs are not permitted":
        return "there is no such field"
    said = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return said.replace(" after validation", "").replace("Tuple should", "List should", 1)
