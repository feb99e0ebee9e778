"""Tests of the package `owt`, which need no server: a fake takes the place of each call."""
