"""Tables on disk: sources, catalog, splits, trials, audit, embeddings."""
