"""What several rooms share and what knows nothing of Facsim: files, workers, YAML, localhost, errors."""
