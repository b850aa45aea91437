"""`python -m bot` is `esafety`."""

import sys

from bot.cli import main

sys.exit(main())
