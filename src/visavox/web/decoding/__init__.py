"""Uploads to arrays, in processes of their own that may be killed."""
