"""Galleries of faces and voices: made of clips, added to, looked through."""
