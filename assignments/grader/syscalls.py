"""System calls that a submission has no use for, as a filter that the sandbox hands to the kernel (seccomp).

They are those that make memory which no process shows as its own (and so no limit on processes counts), that open a
name space in which one may do more, and that look into other processes.
"""

import errno
import platform
import struct

#: name → (number on x86_64, on aarch64), from Linux's system call tables
DENIED = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "io_uring_setup": (425, 425),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "ptrace": (101, 117),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
}
CLONE, CLONE3 = (56, 220), (435, 435)
NEW_USER = 0x10000000  # the flag of clone that asks for a user name space
X32 = 0x40000000  # numbers from here on are x86_64's calls under other names
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
LOAD, AND_JUMP, EQUAL, AT_LEAST, RETURN = 0x20, 0x45, 0x15, 0x35, 0x06  # of the kernel's packet filter language
ALLOW, REFUSE = 0x7FFF0000, 0x00050000


def program() -> bytes | None:
    """The filter for this machine, in the kernel's form; None on an architecture that is not known here."""
    if platform.machine() not in ARCHITECTURES:
        return None
    column, architecture = ARCHITECTURES[platform.machine()]
    denied = [numbers[column] for numbers in DENIED.values()]
    refuse, missing = REFUSE | errno.EPERM, REFUSE | errno.ENOSYS
    lines = [
        (LOAD, 0, 0, 4),  # the architecture of the call
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, refuse),
        (LOAD, 0, 0, 0),  # its number
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, refuse),
    ]
    for number in denied:
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, refuse)]
    # without clone3 programs use clone, whose flags can be read here
    lines += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, missing)]
    lines += [(EQUAL, 0, 3, CLONE[column]), (LOAD, 0, 0, 16), (AND_JUMP, 0, 1, NEW_USER), (RETURN, 0, 0, refuse)]
    lines += [(RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", code, yes, no, value) for code, yes, no, value in lines)
