"""Back-ends: vectors of enrolled people to scores of a probe against each of them. The file's name is the name."""
