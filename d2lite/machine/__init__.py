"""What a run has to do with the machine: threads, devices, seeds, processes, versions."""
