"""Models fine-tuned on what people did: rows with loss masks, training, what was learned."""
