"""A made-up world: drawn faces and synthesised voices with a known answer."""
