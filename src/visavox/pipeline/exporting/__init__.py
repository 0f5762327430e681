"""Models for other runtimes: which networks a model is made of, how each becomes a file, and how that is checked."""
