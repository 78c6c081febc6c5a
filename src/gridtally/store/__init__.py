"""Files: raw bytes, readings, snapshots, runs, history."""
