"""Modules that programs for the first owt import; what is new uses `owt.summat` instead."""
