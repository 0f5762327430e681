"""Who is it: people enrolled from a few clips, named by scores of their voices and faces, strangers refused."""
