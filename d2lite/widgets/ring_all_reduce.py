"""An all-reduce over a ring, or over one process: who holds which sums, what the links carry, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from .base import Choice, Interactive, Number, Switch

WAYS = ("ring", "all to one")


@dataclass(frozen=True)
class Network:
    """Processes in a ring, the size of a gradient in megabytes, speeds in gigabytes a second, and a message's latency.

    Link r leads out of process r: to its right-hand neighbor in the ring, to and from process 0 otherwise.
    """

    processes: int = 4
    size: float = 100.0
    speed: float = 10.0
    slow: float = 10.0  # the speed of the link of process 1
    latency: float = 10.0  # in microseconds

    def seconds(self, link: int, megabytes: float) -> float:
        """How long a link takes for a message."""
        return self.latency * 1e-6 + megabytes * 1e-3 / (self.slow if link == 1 else self.speed)


def ring(network: Network) -> tuple[list, list, list]:
    """The state after each round, 0 to 2(N − 1).

    Returns:
        The contributions in piece j of process r, sets of processes: ``held[round][r][j]``; the seconds so far:
        ``clock[round]``; the megabytes that each link has carried: ``carried[round][link]``.
    """
    n, piece = network.processes, network.size / network.processes
    held = [[[frozenset({rank})] * n for rank in range(n)]]
    clock, carried = [0.0], [[0.0] * n]
    for step in range(2 * (n - 1)):
        before, after = held[-1], [list(row) for row in held[-1]]
        for rank in range(n):
            right, number = (rank + 1) % n, (rank - step) % n
            after[right][number] = before[rank][number] | (before[right][number] if step < n - 1 else frozenset())
        held.append(after)
        clock.append(clock[-1] + max(network.seconds(link, piece) for link in range(n)))
        carried.append([megabytes + piece for megabytes in carried[-1]])
    return held, clock, carried


def all_to_one(network: Network) -> tuple[list, list, list]:
    """The same where every process sends its gradient to process 0 in turn, which then sends each the sum.

    Link 0 is that of process 0, which every message passes; a message is as slow as the slower of its two links.
    """
    n, size = network.processes, network.size
    held = [[[frozenset({rank})] * n for rank in range(n)]]
    clock, carried = [0.0], [[0.0] * n]
    for step in range(2 * (n - 1)):
        other, after, sent = step % (n - 1) + 1, [list(row) for row in held[-1]], list(carried[-1])
        target = 0 if step < n - 1 else other
        after[target] = [mine | its for mine, its in zip(after[0], after[other])]
        sent[0] += size
        sent[other] += size
        held.append(after)
        clock.append(clock[-1] + max(network.seconds(0, size), network.seconds(other, size)))
        carried.append(sent)
    return held, clock, carried


class RingAllReduce(Interactive):
    """An all-reduce step by step, over a ring or over one process, with one slow link.

    Args:
        way: "ring" or "all to one".
        processes: 2 to 8.
        size: of the gradient, in megabytes, 1 to 1000.
        slow: speed of the link of process 1 in gigabytes a second, 0.5 to 10; the others have 10.
        rounds: how many messages of each process (ring), or in all (all to one), have been sent, from 0.
        compare: whether the times of both ways are told.

    A message costs 10 µs and its bytes over the speed; the messages of a round travel at once. Nothing is raised: a
    number out of range becomes the nearest in it. Source: Patarasuk and Yuan, 2009 (doi 10.1016/j.jpdc.2008.09.002).
    """

    way = Choice(*WAYS)
    processes = Number(4, 2, 8)
    size = Number(100, 1, 1000)
    slow = Number(10.0, 0.5, 10.0)
    rounds = Number(0, 0, 14)
    compare = Switch(False)
    alt = (
        "Four processes in a ring; each holds a gradient of four pieces, and each piece shows whose contributions are "
        "in it. Round by round every process passes a piece to its right-hand neighbor, until all hold the sum."
    )

    def network(self) -> Network:
        """Processes, sizes and speeds as they are set."""
        return Network(self.processes, self.size, slow=self.slow)

    def picture(self) -> Figure:
        held, clock, _ = (ring if self.way == "ring" else all_to_one)(self.network())
        at, n = min(self.rounds, 2 * self.processes - 2), self.processes
        figure = Figure(figsize=(6.4, 3), layout="constrained")
        axes = figure.subplots(1, 3)
        for ax, (title, number) in zip(axes, (("start", at), ("half-way", n - 1), ("end", 2 * n - 2))):
            counts = [[len(piece) for piece in row] for row in held[number]]
            ax.imshow(counts, vmin=0, vmax=n, cmap="Blues")
            for row, values in enumerate(counts):
                for column, count in enumerate(values):
                    color = "white" if 2 * count > n else "black"
                    ax.text(column, row, count, ha="center", va="center", color=color)
            ax.set_title(f"{title}: {clock[number] * 1e3:.2f} ms", fontsize=9)
            ax.set(xticks=[], yticks=[], xlabel="pieces")
        axes[0].set_ylabel("processes")
        return figure
