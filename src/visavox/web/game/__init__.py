"""The guess-the-face game: two faces, one voice, in a browser; and studies that are played in the same way."""
