"""Step 10: released bills become issued and posted."""
