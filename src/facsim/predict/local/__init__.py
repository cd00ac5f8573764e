"""Models that run in this process: transformers checkpoints that predict whole sessions at a time."""
