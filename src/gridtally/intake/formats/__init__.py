"""The formats that `decode` knows, one file each."""
