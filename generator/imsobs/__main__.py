"""Entry point of ``imsobs`` and of ``python -m imsobs``."""

import signal
import sys


def main() -> None:
    """Run ``imsobs``.

    Its modules take a second to import, in which Ctrl-C ends it as it ends a command that runs:
    without a traceback. Nothing has been written by then.
    """
    try:
        from imsobs.cli import main as run
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    run()


if __name__ == "__main__":
    main()
