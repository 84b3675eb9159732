"""Fixtures for the tests of marking: a prepared course, and whether there is a sandbox."""

import os

import classroom
import pytest

from assignments.grader import course

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the workers that marking starts: one thread each


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A course with all problem sets released by nbgrader."""
    folder = tmp_path_factory.mktemp("course") / "base"
    course.prepare(folder, course.names())
    return folder


@pytest.fixture
def needs_sandbox():
    """Skip where bubblewrap is missing."""
    if not classroom.sandboxed():
        pytest.skip("no working bubblewrap on this machine: make sandbox")
