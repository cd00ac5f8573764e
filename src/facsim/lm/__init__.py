"""What training and prediction share of a language model: chat tokenizer, checkpoints, the hub, scoring."""
