"""What the tests of every chapter's networks need."""

import torch


def on_meta(build, *args, **kwargs):
    """The network without memory for its weights."""
    with torch.device("meta"):
        return build(*args, **kwargs)


def count(net):
    """All parameters of a network."""
    return sum(parameter.numel() for parameter in net.parameters())
