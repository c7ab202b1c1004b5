"""What is done with each text on which the reference breaks its own rules, or its releases differ."""

from __future__ import annotations

from typing import Any

import pytest

from scheduler.cron import parse
from tests.unit.cron_vectors import lines_of, start_of

NOT_WITHIN = "is not within"
UNKNOWN = "is not understood|is none of|is not a number"
ALONE = "stands alone, not in a list"
NO_STEP_0 = "a step is at least 1"
STEP_BEHIND_NAME = "has a step behind a name"
ONE_QUESTION_MARK = "one of day of month and day of week has to be '\\?', and not both"

REFUSED = {
    # the reference hangs, or fails later than it should
    "0 0 0 0W * ?": NOT_WITHIN,
    "L * * * * ?": UNKNOWN,
    "0 0 L * * ?": UNKNOWN,
    "0 0 0 1 L ?": UNKNOWN,
    "0 0 0 1 1 ? L": UNKNOWN,
    ", * * * * ?": "an item is empty",
    # its private markers for * and ?
    "0 99 12 * * ?": NOT_WITHIN,
    "99 0 12 * * ?": NOT_WITHIN,
    "0 0 99 * * ?": NOT_WITHIN,
    "0 0 0 99 * ?": NOT_WITHIN,
    "0 0 0 ? * 99": NOT_WITHIN,
    "0 0 0 98 * 2": ONE_QUESTION_MARK,
    # it ignores what follows
    "0 0 0 1 1 ? 2030 junk": "not 8",
    "0 0 0 1 JANUARYX ?": UNKNOWN,
    "0 0 0 ? * MONDAY": UNKNOWN,
    "0 0 0 ? * MONX#9": UNKNOWN,
    "0 0 12 ? * 2-6#1": UNKNOWN,
    "0 0 12 15W-20 * ?": UNKNOWN,
    "0 0 0 ? * 7L-3": UNKNOWN,
    "0 0 0 1-5- * ?": UNKNOWN,
    "0 0 0 15WX * ?": UNKNOWN,
    "0 0 0 ? * 6LX": UNKNOWN,
    "5x * * * * ?": UNKNOWN,
    "* 5x * * * ?": UNKNOWN,
    "*5 * * * * ?": UNKNOWN,
    "0 0 0 ?? * 2": ONE_QUESTION_MARK,
    "0 0 0 ?x * 2": ONE_QUESTION_MARK,
    "0 0 0 1 * ?x": ONE_QUESTION_MARK,
    ",5 * * * * ?": "an item is empty",
    "5,,6 * * * * ?": "an item is empty",
    "5, * * * * ?": "an item is empty",
    # it silently runs at other times than the text says
    "0 0 12 ? * MON-FRI/2": STEP_BEHIND_NAME,
    "0 0 12 ? JAN-DEC/3 2": STEP_BEHIND_NAME,
    "0 0 12 ? JAN/3 2": STEP_BEHIND_NAME,
    "0 0 12 ? * 2#1,6": ALONE,
    "0 0 12 ? * 6,2#1": ALONE,
    "0 0 12 1W,15W * ?": ALONE,
    "0 0 12 15W,1W * ?": ALONE,
    "0 0 12 1,15W * ?": ALONE,
    "*/0 * * * * ?": NO_STEP_0,
    "0-5/0 * * * * ?": NO_STEP_0,
    "5/0 * * * * ?": NO_STEP_0,
}
"""Release 2.4.2 takes these, and here they are refused with such a sentence."""

RIGHT_IN = {"0 0 9 29W 2 ?": "3.4.2", "0 0 9 31W 4 ?": "3.4.2", "0 0 9 30W 2 ?": "3.4.2"}
"""2.4.2 runs these on days that their months do not have; that release does as the plain rule says."""

NEVER = {"0 0 0 1 1 ? 99"}
"""Every year in all releases, whose marker for * is 99; here a year that is long past."""


@pytest.mark.parametrize("line", lines_of("cron-quirks.jsonl"))
def test_each_quirk_is_followed_refused_or_put_right(line: dict[str, Any]) -> None:
    start, text = start_of(line), line["expr"]
    answer = [] if text in NEVER else line[RIGHT_IN.get(text, "2.4.2")]
    if text in REFUSED or str(answer).startswith("invalid"):
        with pytest.raises(ValueError, match=REFUSED.get(text, r"\w")):
            parse(text)
        return

    times = parse(text).next_times(start, len(answer) or 1)

    assert [time.isoformat() for time in times] == answer
