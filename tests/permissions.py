"""Permissions of files that bind root as well, so that tests of them run as whoever they are run by."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import pytest

READ_AND_WRITE_ALL = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, which let root pass over permissions
VERSION = 0x20080522  # of the kernel's structures: two sets of 32 capabilities


class Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class Set(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextlib.contextmanager
def bind() -> Iterator[None]:
    """Within it, root may no more than its files' permissions say, as everybody else."""
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("tests of permissions (they do not stop root here): run the tests as another user, on Linux")
    libc, header, sets = ctypes.CDLL(None), Header(VERSION, 0), (Set * 2)()
    assert libc.capget(ctypes.byref(header), sets) == 0
    before = sets[0].effective
    try:
        sets[0].effective = before & ~READ_AND_WRITE_ALL
        assert libc.capset(ctypes.byref(header), sets) == 0
        yield
    finally:
        sets[0].effective = before
        assert libc.capset(ctypes.byref(header), sets) == 0
