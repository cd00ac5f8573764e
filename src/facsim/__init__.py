"""Facsim."""
