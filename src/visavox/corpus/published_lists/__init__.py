"""Published trial lists: Seeking the Shape of Sound, Learnable PINs and CMPC, FAME; read, checked and written."""
