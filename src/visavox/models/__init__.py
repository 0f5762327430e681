"""Arrays to embeddings: encoders of one modality, and associators that bring the two together."""
