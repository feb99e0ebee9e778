"""Fault injection: random calls under load, while workers die, clients vanish and readers stall.

Every answer is compared with what it has to be, and every call that comes to nothing has to have a
cause that was injected. `cargo xtask soak` runs it for minutes, `test_soak.py` for seconds.
"""
