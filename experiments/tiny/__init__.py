"""How the tiny base model is made; `experiments/pretrain_tiny.py` puts the parts together."""
