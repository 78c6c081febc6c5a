"""The control database: every model, its guards, its migrations."""
