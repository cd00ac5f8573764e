"""Simulated shoppers: who they are, what they need, and how they choose."""
