"""Where clips come from, one source a file; the name of the file is the name of the source."""
