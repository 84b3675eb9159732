"""The interactives: anywidgets that compute in the page, with or without a kernel."""

from .gradient_descent import GradientDescent

__all__ = [
    "GradientDescent",
]
