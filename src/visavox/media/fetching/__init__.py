"""Media that lie elsewhere: addresses to files at hand."""
