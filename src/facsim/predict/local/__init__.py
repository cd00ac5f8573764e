"""Models that run in this process: transformers checkpoints, scored whole sessions at a time."""
