"""Gradient descent on a bowl: learning rate, momentum, and how long the valley is."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from .base import Interactive, Number

START = (-9.0, 2.5)
STEPS = 40
WIDE, HIGH = 10.0, 3.4  # how far from the lowest point a walk may start


def descend(
    lr: float, momentum: float, curvature: float, steps: int = STEPS, start: tuple[float, float] = START
) -> list[tuple[float, float]]:
    """The points that SGD visits on (x² + curvature · y²) / 2, from ``start``, as ``torch.optim.SGD`` moves."""
    x, y, vx, vy = *start, 0.0, 0.0
    points = [(x, y)]
    for _ in range(steps):
        vx, vy = momentum * vx + x, momentum * vy + curvature * y
        x, y = x - lr * vx, y - lr * vy
        points.append((x, y))
    return points


def loss(point: tuple[float, float], curvature: float) -> float:
    """The height of the bowl."""
    return (point[0] ** 2 + curvature * point[1] ** 2) / 2


class GradientDescent(Interactive):
    """SGD walks down a bowl that is ``curvature`` times steeper across than along.

    Args:
        lr: learning rate, 0 to 0.4.
        momentum: 0 to 0.99.
        curvature: of the steep direction, 1 to 30; that of the other is 1.
        x: where the walk starts in the flat direction, -10 to 10.
        y: likewise in the steep one, -3.4 to 3.4.
        steps: how many are shown, 0 to 40; at 0 the ball waits, and nothing tells where it will go.

    A point is (flat, steep); nothing here has a unit. A number out of range becomes the nearest in it, and what is none
    the default: nothing is raised.
    """

    lr = Number(0.18, 0.0, 0.4)
    momentum = Number(0.0, 0.0, 0.99)
    curvature = Number(10.0, 1.0, 30.0)
    x = Number(START[0], -WIDE, WIDE)
    y = Number(START[1], -HIGH, HIGH)
    steps = Number(0, 0, STEPS)
    alt = (
        "Contours of a long valley with the steps of gradient descent on them, and the loss by step. At the edge of "
        "the largest stable learning rate the steps jump from wall to wall and creep along the floor."
    )

    def picture(self) -> Figure:
        """The whole walk: who sees a picture cannot let the ball roll."""
        points = descend(self.lr, self.momentum, self.curvature, start=(self.x, self.y))
        figure = Figure(figsize=(6.4, 2.6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        turns = [index * math.tau / 100 for index in range(101)]
        for level in (0.5, 2, 6, 14, 28, 48):
            a, b = math.sqrt(2 * level), math.sqrt(2 * level / self.curvature)
            left.plot([a * math.cos(t) for t in turns], [b * math.sin(t) for t in turns], color="0.8", linewidth=0.8)
        left.plot(*zip(*points), color="#2f7fc9", marker="o", markersize=3, linewidth=1)
        left.set(xlim=(-10.5, 10.5), ylim=(-3.6, 3.6), xlabel="flat direction", ylabel="steep direction")
        right.plot([max(loss(point, self.curvature), 1e-6) for point in points], color="#c8701a")
        right.set(yscale="log", xlabel="step", ylabel="loss")
        return figure
