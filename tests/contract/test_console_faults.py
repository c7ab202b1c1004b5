"""A console in trouble: each kind is told apart, said, and nothing is done twice."""

from __future__ import annotations

import aiohttp
import pytest

from admin_bridge.console import (
    AnswerTooBig,
    ConsoleConfig,
    ConsoleError,
    ConsoleRefused,
    ConsoleUnreachable,
    NotAnAdmin,
    PermissionRefused,
    SignInRefused,
    Unsupported,
    open_console,
)
from admin_bridge.console.door import Door
from admin_bridge.console.rows import JobRow, rows_of
from executor.testing.fake_admin import Fault, Request
from executor.testing.fake_console import FakeConsole
from tests.contract.console_places import (
    APP_NAME,
    FAKES,
    PASSWORD,
    TOKEN,
    USER,
    a_client,
    a_place,
    config_of,
)

NOBODY = "http://127.0.0.1:9"
SINCE_3_2 = ["3.2", "3.4"]


@pytest.fixture(params=FAKES)
async def place(request):
    async with a_place(request.param) as place:
        yield place


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


def paths(fake: FakeConsole, name: str) -> list[Request]:
    return [request for request in fake.requests if request.path.endswith(name)]


@pytest.mark.parametrize(
    ("fault", "options", "error", "words"),
    [
        (Fault.LOGIN_PAGE, {}, NotAnAdmin, "a web page was answered"),
        (Fault.REDIRECT, {}, NotAnAdmin, "redirects to http://127.0.0.1:9/gone"),
        (Fault.HTTP_STATUS, {"status": 400}, NotAnAdmin, "HTTP 400"),
        (Fault.HTTP_STATUS, {"status": 404}, NotAnAdmin, "the base path is wrong"),
        (Fault.HTTP_STATUS, {"status": 500}, ConsoleUnreachable, "HTTP 500"),
        (Fault.HTTP_STATUS, {"status": 429}, ConsoleUnreachable, "HTTP 429"),
        (Fault.HALF, {}, ConsoleUnreachable, "ends in its middle"),
        (Fault.DROP, {}, ConsoleUnreachable, "no answer"),
        (Fault.UNREACHABLE, {}, ConsoleUnreachable, ": "),
        (Fault.REFUSE, {"message": "Cron非法"}, ConsoleRefused, "the Admin refused: Cron非法"),
        (Fault.REFUSE, {"message": "权限拦截[username=x]"}, PermissionRefused, "权限拦截"),
        (
            Fault.REFUSE,
            {"message": "java.lang.NullPointerException: date must not be null"},
            Unsupported,
            "3.4.1",
        ),
        (
            Fault.REFUSE,
            {"message": "org.x.PersistenceException: <br/>### Error querying database"},
            ConsoleUnreachable,
            "trouble with its database: ### Error querying database",
        ),
    ],
)
async def test_each_trouble_is_told_apart_and_passes(place, fault, options, error, words):
    async with place.fake.fault(fault, **options):
        with pytest.raises(error) as caught:
            await place.console.jobs(place.group_id)

    assert words in str(caught.value)
    assert str(caught.value).startswith(place.fake.url)
    assert (await place.console.jobs(place.group_id)).total == 0


async def test_a_trigger_whose_answer_is_lost_is_not_sent_to_the_next_address(place):
    fake = place.fake
    job_id = fake.add_job("echo")
    alias = fake.url.replace("127.0.0.1", "localhost")
    async with a_client(config_of(fake, alias), fake) as both, fake.fault(Fault.DROP):
        with pytest.raises(ConsoleUnreachable, match="whether it was done is unknown"):
            await both.console.trigger_job(job_id, params="")

    assert len(paths(fake, "jobinfo/trigger")) == 1


async def test_a_trigger_that_was_never_sent_goes_to_the_next_address(place):
    job_id = place.fake.add_job("echo")

    async with a_client(config_of(place.fake, NOBODY), place.fake) as both:
        await both.console.trigger_job(job_id, params="")

    assert len(paths(place.fake, "jobinfo/trigger")) == 1


async def test_a_list_is_asked_of_the_next_address_when_one_is_broken(place):
    async with FakeConsole("2.4", TOKEN, APP_NAME) as broken:
        await broken.set_fault(Fault.HTTP_STATUS, status=503)
        async with a_client(config_of(place.fake, broken.url), place.fake) as both:
            await both.console.jobs(place.group_id)
            asked = len(broken.requests)
            await both.console.jobs(place.group_id)

        assert len(broken.requests) == asked  # the good one is asked first from then on


async def test_of_many_dead_addresses_the_wrong_path_is_told_before_the_unreachable(place, session):
    wrong = f"{place.fake.url}/elsewhere"
    config = ConsoleConfig("main", (NOBODY, wrong), USER, PASSWORD)

    with pytest.raises(NotAnAdmin, match="elsewhere"):
        await open_console(session, config)


@pytest.mark.parametrize(
    ("user", "password", "words"),
    [
        (USER, "wrong", "refused user 'qooerp': Username or password error"),
        ("nobody", PASSWORD, "refused user 'nobody'"),
        ("", "", "no console user is set for the Admin 'main'"),
    ],
)
async def test_a_refused_sign_in_is_said_without_the_password(
    place, session, user, password, words
):
    config = ConsoleConfig("main", (place.fake.url,), user, password)
    console = await open_console(session, config)

    with pytest.raises(SignInRefused) as caught:
        await console.jobs(1)

    assert words in str(caught.value)
    assert PASSWORD not in str(caught.value) + repr(config)
    await console.aclose()


@pytest.mark.parametrize("generation", SINCE_3_2)
async def test_a_user_that_somebody_else_signs_in_as_is_given_up(generation):
    async with a_place(generation) as place:
        assert place.fake
        place.fake.access.fought_over.add(USER)
        place.fake.sign_in_elsewhere(USER)
        before = place.console.sign_ins

        with pytest.raises(SignInRefused, match="does somebody else use this user"):
            await place.console.jobs(place.group_id)

        assert place.console.sign_ins == before + 2  # after the session that it had


async def test_a_user_of_one_group_is_refused_the_others_in_words(place, session):
    theirs = place.fake.add_group("not-ours", "not ours")
    place.fake.add_user("limited", "limited-pass", role=0, groups=(place.group_id,))
    config = ConsoleConfig("main", (place.fake.url,), "limited", "limited-pass")
    console = await open_console(session, config)

    with pytest.raises(PermissionRefused, match="may not do this"):
        await console.groups()
    with pytest.raises(PermissionRefused):
        await console.logs(group_id=theirs)
    assert (await console.logs(group_id=place.group_id)).total == 0
    await console.aclose()


async def test_groups_that_move_between_pages_are_listed_once(place):
    names = [f"group-{number:03}" for number in range(250)]
    for name in names:
        place.fake.add_group(name, "a group")

    def push(path):
        place.fake.add_group(f"aaa-{len(place.fake.groups)}", "pushes the others on")

    place.fake.before_page = push
    found = [group.app_name for group in await place.console.groups()]

    assert len(found) == len(set(found))
    assert set(names) <= set(found)


@pytest.mark.parametrize("nonsense", [10**18, 10**30])
async def test_a_time_that_none_can_be_is_no_answer_of_an_admin(place, nonsense):
    place.fake.jobs[await place.add("report")].next_ms = nonsense

    with pytest.raises(NotAnAdmin, match="not the answer of this generation"):
        await place.console.jobs(place.group_id)


@pytest.mark.parametrize("wrong", [{"id": 2**63}, {"id": -1}, {"jobGroup": 2**63}])
def test_a_number_that_no_database_gives_a_row_is_no_answer_of_an_admin(wrong):
    page = {"data": [{"id": 1, "jobGroup": 1} | wrong], "total": 1}

    with pytest.raises(NotAnAdmin, match="not the answer of this generation"):
        rows_of(JobRow, page, NOBODY)


async def test_an_answer_that_is_too_big_is_given_up_early(place, session):
    door = Door(session, [place.fake.url], max_answer=50)

    with pytest.raises(AnswerTooBig, match="over 50 bytes"):
        await door.post("api/nothing", b"{}", lambda reply: reply)
    await door.aclose()


@pytest.mark.parametrize(("before", "after"), [("2.4", "3.2"), ("2.4", "3.4"), ("3.2", "3.4")])
async def test_an_admin_of_another_generation_is_noticed_and_can_be_opened_anew(before, after):
    async with a_place(before) as place:
        assert place.fake
        place.fake.upgrade(after)
        with pytest.raises((NotAnAdmin, SignInRefused)):
            await place.console.jobs(place.group_id)

        anew = await place.another()

        assert (await anew.jobs(place.group_id)).total == 0
        assert anew.generation != place.console.generation
        await anew.aclose()


@pytest.mark.parametrize("generation", FAKES)
async def test_two_clusters_on_one_host_do_not_share_a_session(generation, session):
    async with (
        FakeConsole(generation, TOKEN, APP_NAME) as one,
        FakeConsole(generation, TOKEN, APP_NAME) as other,
    ):
        consoles = []
        for fake in (one, other):
            fake.add_user(USER, PASSWORD)
            consoles.append(await open_console(session, config_of(fake)))
        for _ in range(2):
            for console in consoles:
                await console.groups()

        assert [console.sign_ins for console in consoles] == [1, 1]
        for console in consoles:
            await console.aclose()


async def test_something_that_is_no_admin_is_not_taken_for_one(session):
    async with FakeConsole("3.4", TOKEN, APP_NAME) as fake:
        await fake.set_fault(Fault.LOGIN_PAGE)
        with pytest.raises(ConsoleError, match="a web page was answered"):
            await open_console(session, config_of(fake))


async def test_a_console_that_was_let_go_says_so(place):
    await place.console.aclose()

    with pytest.raises(ConsoleUnreachable, match="was let go"):
        await place.console.groups()
