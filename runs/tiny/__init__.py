"""How the tiny base model is made; `runs/pretrain_tiny.py` puts the parts together."""
