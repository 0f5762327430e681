"""Ways of drawing a face, one a file, each registered under the name of its file."""
