from __future__ import annotations

import pytest

from scheduler.job import Engine, Job, JobStatus
from scheduler.job_control import Action, after, refuse_fixed, refuse_foreign
from scheduler.refusal import Conflict, Invalid

STOPPED, RUNNING, PAUSED = JobStatus.STOPPED, JobStatus.RUNNING, JobStatus.PAUSED
TABLE = {
    (STOPPED, Action.START): RUNNING,
    (STOPPED, Action.EXECUTE): STOPPED,
    (RUNNING, Action.STOP): STOPPED,
    (RUNNING, Action.PAUSE): PAUSED,
    (RUNNING, Action.EXECUTE): RUNNING,
    (PAUSED, Action.RESUME): RUNNING,
    (PAUSED, Action.STOP): STOPPED,
    (PAUSED, Action.EXECUTE): PAUSED,
}
"""Everything that is allowed; whatever is not here is refused."""


@pytest.mark.parametrize("status", JobStatus)
@pytest.mark.parametrize("action", Action)
def test_the_table_of_actions_holds_and_all_else_is_refused(status, action):
    expected = TABLE.get((status, action))

    if expected is None:
        with pytest.raises(Conflict, match=f"a {status} job cannot {action}; allowed are: "):
            after(action, status)
    else:
        assert after(action, status) is expected


def test_a_refusal_names_all_that_is_allowed():
    with pytest.raises(Conflict, match=r"allowed are: resume, stop, execute$"):
        after(Action.PAUSE, PAUSED)


def test_a_job_of_an_admin_is_refused_by_its_number():
    job = Job(name="theirs", job_no="XXL-main-7", engine=Engine.XXL)

    with pytest.raises(Conflict, match="XXL-main-7 belongs to an XXL-JOB Admin"):
        refuse_foreign(job)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"id": 2}, "id"), ({"job_no": "x"}, "job_no"), ({"status": RUNNING}, "status")],
)
def test_an_update_may_name_what_is_fixed_and_not_change_it(changes, field):
    job = Job(id=1, name="a", job_no="JOB-1")

    refuse_fixed(job, {"id": 1, "job_no": "JOB-1", "status": STOPPED, "name": "b"})
    with pytest.raises(Invalid) as refusal:
        refuse_fixed(job, changes)

    assert refusal.value.field == field
