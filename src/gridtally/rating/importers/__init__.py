"""Tariffs from other people's formats, one file each."""
