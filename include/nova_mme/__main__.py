"""Starts the command line, `python -m nova_mme`: the one place of the core that knows a shell, and only its name."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from nova_mme_command.main import main

    sys.exit(main())
