"""Gridtally: electricity bills that are right, audited, issued once, and that prove themselves."""

__version__ = "0.1.0"
