"""Identifiers: networks from media to one logit a known person. The file's name is the identifier's name."""
