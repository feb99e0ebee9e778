"""Tests of the package `owt`, with fake calls instead of a server."""
