"""Looking into a network: its layers and their costs, figures, and sentences with numbers in them."""
