"""rrweb recordings as a source: files of events to sessions of actions, one module per stage."""
