"""Methods trained under one budget on the same data and seeds, and laid side by side."""
