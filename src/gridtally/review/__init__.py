"""Steps 8-9: bills become released or held."""
