"""The service: the interface for programs, the pages for a browser, the guess-the-face game."""
