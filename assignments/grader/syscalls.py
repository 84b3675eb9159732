"""System calls that a submission has no use for, as a filter that the sandbox hands to the kernel (seccomp).

They are those that make memory which no process shows as its own (and so no limit on processes counts), that open a
name space in which one may do more, that look into other processes, and that take a larger share of the processor.
What a kernel newer than this list may add is answered as a kernel without it would.
"""

import errno
import platform
import struct

#: name → (number on x86_64, on aarch64), from Linux's system call tables; None where there is no such call
DENIED = {
    # memory that belongs to no process
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "io_uring_setup": (425, 425),
    "io_setup": (206, 0),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "tee": (276, 77),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "modify_ldt": (154, None),
    # name spaces and file systems
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    # other processes, and the kernel
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "syslog": (103, 116),
    # the processor: a session of one's own is scheduled as if it were another user's
    "setsid": (112, 157),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
}
#: name → (numbers, which argument, its values that are denied)
DENIED_FOR = {
    # locks on parts of a file are memory of the kernel, and nobody counts them; 1026: notices, 1031: a larger pipe
    "fcntl": ((72, 25), 1, (6, 7, 37, 38, 1024, 1026, 1031)),
    "setsockopt": ((54, 208), 2, (7, 8)),  # larger buffers
}
#: name → (numbers, first argument): any other is denied
ALLOWED_FOR = {
    "socket": ((41, 198), 1),  # between processes of this machine: PyTorch's data loader hands tensors over by it
    "socketpair": ((53, 199), 1),
}
CLONE, CLONE3 = (56, 220), (435, 435)
NEW_USER = 0x10000000  # the flag of clone that asks for a user name space
LAST = 462  # the last call that was looked at
X32 = 0x40000000  # numbers from here on are x86_64's calls under other names
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# of the kernel's packet filter language; a jump counts the lines that it passes over
LOAD, AND_JUMP, EQUAL, ABOVE, AT_LEAST, RETURN = 0x20, 0x45, 0x15, 0x25, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
ARCHITECTURE, NUMBER, ARGUMENTS = 4, 0, 16  # places in what is known of a call


def program() -> bytes | None:
    """The filter for this machine, in the kernel's form; None on an architecture that is not known here."""
    if platform.machine() not in ARCHITECTURES:
        return None
    column, architecture = ARCHITECTURES[platform.machine()]
    refused, missing = (RETURN, 0, 0, REFUSE | errno.EPERM), (RETURN, 0, 0, REFUSE | errno.ENOSYS)
    lines = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        refused,
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        refused,
        (ABOVE, 0, 1, LAST),
        missing,
    ]
    for numbers in DENIED.values():
        if numbers[column] is not None:
            lines += [(EQUAL, 0, 1, numbers[column]), refused]
    # without clone3 programs use clone, whose flags can be read here
    lines += [(EQUAL, 0, 1, CLONE3[column]), missing]
    lines += _about(CLONE[column], 0, [(AND_JUMP, 0, 1, NEW_USER), refused])
    for numbers, place, values in DENIED_FOR.values():
        lines += _about(numbers[column], place, [line for value in values for line in ((EQUAL, 0, 1, value), refused)])
    for numbers, value in ALLOWED_FOR.values():
        lines += _about(numbers[column], 0, [(EQUAL, 1, 0, value), refused])
    lines += [(RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", code, yes, no, value) for code, yes, no, value in lines)


def _about(number: int, place: int, lines: list[tuple]) -> list[tuple]:
    """Lines that judge the lower half of one argument of the call ``number``; what they do not refuse is allowed."""
    allowed = (RETURN, 0, 0, ALLOW)
    return [(EQUAL, 0, len(lines) + 2, number), (LOAD, 0, 0, ARGUMENTS + 8 * place), *lines, allowed]
