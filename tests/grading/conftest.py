"""Fixtures for the tests of marking: a prepared course, and whether there is a sandbox."""

import os

import pytest

from assignments.grader import course
from tools import prepare

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the workers that marking starts: one thread each


@pytest.fixture(scope="session")
def base(once):
    """A course with all problem sets released by nbgrader."""
    return once("course", lambda folder: course.prepare(folder, course.names()))


@pytest.fixture(scope="session")
def needs_sandbox():
    """Skip where no sandbox works."""
    if reason := prepare.without_sandbox():
        pytest.skip(reason)
