"""Bad texts: one sentence that names field and rule, and never anything but ValueError."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scheduler.cron import parse

SENTENCES = [
    ("", "a cron expression has 6 or 7 fields (Quartz) or 5 (Unix), not 0"),
    ("* * * *", "a cron expression has 6 or 7 fields (Quartz) or 5 (Unix), not 4"),
    ("0 0 12 * * ? 2030 x", "a cron expression has 6 or 7 fields (Quartz) or 5 (Unix), not 8"),
    ("0 0 12 * * ?" + " " * 500, "a cron expression has at most 500 characters, not 512"),
    ("0 0 12 ? * ſun", "a cron expression is ASCII, so 'ſ' has no place in it"),
    ("0 0 １２ * * ?", "a cron expression is ASCII, so '１' has no place in it"),
    ("60 * * * * ?", "second: 60 is not within 0-59"),
    ("0 0 24 * * ?", "hour: 24 is not within 0-23"),
    ("0 0 12-24 * * ?", "hour: 24 is not within 0-23"),
    ("0 0 12 0 * ?", "day of month: 0 is not within 1-31"),
    ("0 0 12 32W * ?", "day of month: 32 is not within 1-31"),
    ("0 0 12 L-31 * ?", "day of month: L-31 is out of every month, the most is L-30"),
    ("0 0 12 L,15 * ?", "day of month: a day with L or W stands alone, not in a list"),
    ("0 0 12 * * *", "one of day of month and day of week has to be '?', and not both"),
    ("0 0 12 ? * ?", "one of day of month and day of week has to be '?', and not both"),
    ("0 0 12 1 * 2", "one of day of month and day of week has to be '?', and not both"),
    ("0 0 12 1 0 ?", "month: 0 is not within 1-12"),
    ("0 0 12 ? * 0", "day of week: 0 is not within 1-7"),
    ("0 0 12 ? * 8L", "day of week: 8 is not within 1-7"),
    ("0 0 12 ? * FUNL", "day of week: 'FUN' is none of SUN, MON, TUE, WED, THU, FRI, SAT"),
    ("0 0 12 ? * 2#6", "day of week: #6 is not within #1-#5"),
    ("0 0 12 ? * 2#0", "day of week: #0 is not within #1-#5"),
    ("0 0 12 ? * 2#1,3#1", "day of week: a day with L or # stands alone, not in a list"),
    ("0 0 12 ? * MON-6", "day of week: 'MON-6' mixes a number and a name"),
    ("0 0 12 ? * MON/2", "day of week: 'MON/2' has a step behind a name; write it with numbers"),
    ("0 0/60 * * * ?", "minute: a step of 60 is more than 59"),
    ("0 /0 * * * ?", "minute: a step is at least 1"),
    ("0 0 12 ? * 2 2040-2030", "year: 2040-2030 ends before it starts"),
    ("0 0 12 ? * 2 2127/1", "year: 2127-2126 ends before it starts"),
    ("0-5/2147483648 * * * * ?", "second: 2147483648 is more than 2147483647"),
    ("0 0 12 ? * 2 2147483648", "year: 2147483648 is more than 2147483647"),
    ("0 x * * * ?", "minute: 'X' is not a number"),
    ("0 1;2 * * * ?", "minute: '1;2' is not understood; write *, n, a-b, a/s, a-b/s, */s or a list of these"),
    ("0 1,,2 * * * ?", "minute: an item is empty; write *, n, a-b, a/s, a-b/s, */s or a list of these"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), SENTENCES)
def test_a_bad_text_is_refused_by_field_and_rule(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refusal:
        parse(text)

    assert str(refusal.value) == sentence


WORDS = st.text("0123456789*/,-?LW#@ SUNMONJAN\t\n", max_size=6)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.text("0123456789*/,-?LW# ", max_size=40),
    st.lists(WORDS, min_size=5, max_size=7).map(" ".join),
    st.lists(st.sampled_from(["*", "?", "0", "L", "LW", "15W", "2#3", "6L", "1-5/2", "SUN", "@daily", "*/99"]), min_size=5, max_size=7).map(" ".join),
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(TEXTS)
@example("0 0 0 1 1 ? " + "9" * 488)
@example("0 0 0 ? 1 1#" + "9" * 488)
@example("0 0 0 L-" + "9" * 480 + " 1 ?")
@example("0 0 0 1 1 ? 0-" + "9" * 300 + "/" + "9" * 100)
@example(",".join(["0-59"] * 98) + " * * * * ?")
@example("*/" + "9" * 480 + " * * * *")
@example("\x00 \x1c \x85 \u3000 ? ?")
@example("@")
def test_any_text_is_a_rule_or_a_value_error_of_one_sentence(text: str) -> None:
    sentence = _answer(text)

    assert sentence
    assert sentence == text or "\n" not in sentence


def _answer(text: str) -> str:
    try:
        return parse(text).text
    except ValueError as refusal:
        return str(refusal)
