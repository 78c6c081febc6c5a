"""`python -m gridtally` is the command line."""

from gridtally.cli import main

main()
