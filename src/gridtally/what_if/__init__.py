"""For the doors: the whole base under another tariff, from what sealed runs stored."""
