"""What several commands share: building a corpus, embedding, training, the whole model."""
