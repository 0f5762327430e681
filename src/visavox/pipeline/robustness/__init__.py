"""How a model fares as voices and faces get worse: degraded vectors, paired losses, the report."""
