"""What training and predicting share of a language model: chat tokenizer, checkpoint, hub, scoring."""
