"""Keeps bytecode out of the sources: cargo would take it for a change, and build owt anew."""

import sys

sys.dont_write_bytecode = True
