"""Frozen encoders of voices and faces, one a file; the name of the file is the name of the encoder."""
