"""The door for measuring: each step beside a floor measured in the same run."""
