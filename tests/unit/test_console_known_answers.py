from __future__ import annotations

from admin_bridge.console.answer import Reply
from admin_bridge.console.known_answers import KnownAnswers


def test_the_same_answer_to_the_same_question_is_read_once() -> None:
    answers, read = KnownAnswers(), list[bytes]()

    def made(reply: Reply) -> int:
        read.append(reply.body)
        return len(read)

    given = [("jobs", b"a"), ("jobs", b"a"), ("others", b"a"), ("jobs", b"b"), ("jobs", b"a")]
    found = [
        answers.reading(asked, made)(Reply("http://a", 200, "application/json", body))
        for asked, body in given
    ]

    assert found == [1, 1, 2, 3, 4]
