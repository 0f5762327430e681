"""Networks from a face feature to a picture of the face, one a file, each registered under the name of its file."""
