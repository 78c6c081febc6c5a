"""Steps 3-5: readings become determinants."""
