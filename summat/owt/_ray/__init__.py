"""The driver of a pool on a Ray cluster: actors that each run an `owt serve`, and who watches them.

The server starts it as `python -m owt._ray`. `_messages` is what the two say to each other,
`_driver` watches the members, and `_cluster` is all that knows Ray here. The actor (`_member`) and
what it uses go to the nodes by value: nothing but Ray and the program `owt` has to be there.
"""
