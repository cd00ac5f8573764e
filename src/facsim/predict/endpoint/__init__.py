"""Language models behind an API, as predictors."""
