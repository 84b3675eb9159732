"""The training loop: what goes in is checked, what comes out is measured, recorded, shown, and kept."""
