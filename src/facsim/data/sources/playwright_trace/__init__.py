"""Playwright traces as a source: zip files to sessions of actions, one module per stage."""
