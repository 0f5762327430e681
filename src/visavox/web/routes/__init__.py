"""What programs ask for over HTTP, a file a subject."""
