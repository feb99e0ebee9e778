"""Modules for programs that were written for the first owt; new ones use `owt.summat`."""
