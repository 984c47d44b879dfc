#!/usr/bin/env python
"""Django's command line for licsync."""

from licsync.cli import main

if __name__ == "__main__":
    main()
