"""Bill documents: PDF and HTML from the bill record."""
