"""Steps 2 and 5 to 7 without a workspace: readings and a tariff in, bills out."""
