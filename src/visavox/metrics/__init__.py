"""Arrays to numbers: matching, verification, retrieval, intervals."""
