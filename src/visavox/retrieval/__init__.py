"""Galleries: vectors with rows of what they are, looked up exactly or approximately, added to and removed from."""
