"""Voices and faces made worse by a known amount, one file a kind; `table` lists them with their levels."""
