"""Before step 6: the tariff document, from bytes to models, and why one is refused."""
