# Written by `make sync`.
"""Networks, each defined once: in the chapter that explains it. Import them from that chapter's module."""
