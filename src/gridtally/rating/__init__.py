"""Steps 6-7: determinants become bill lines and bills."""
