"""Networks from a voice to a face feature, one a file, each registered under the name of its file."""
