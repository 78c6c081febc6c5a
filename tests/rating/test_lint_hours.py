"""Hours of ten years: each priced once by each kind of component."""
