"""Corpus to tensors."""
