"""A Redis for the gateway's workers to share, where none is installed.

python -m gateway.redis_server --port 6390
"""

from __future__ import annotations

import argparse

from fakeredis import TcpFakeServer


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m gateway.redis_server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    TcpFakeServer(("127.0.0.1", parser.parse_args().port)).serve_forever()


if __name__ == "__main__":
    main()
