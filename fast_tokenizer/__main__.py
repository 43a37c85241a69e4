"""`python -m fast_tokenizer`."""

import sys

from fast_tokenizer.cli import main

if __name__ == "__main__":
    sys.exit(main())
