"""Entry point of ``python -m imsobs``."""

from imsobs.cli import main

main()
