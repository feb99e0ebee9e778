"""A soak of members in networks of their own: ended, frozen, cut off, drained, added."""
