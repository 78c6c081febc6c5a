"""Steps 1-2: bytes become readings and master data."""
