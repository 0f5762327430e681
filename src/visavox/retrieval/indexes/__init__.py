"""Indexes over unit vectors, one file each; the name of the file is the name of the index."""
