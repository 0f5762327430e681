"""From a voice that was heard to pictures of a face: conditions and their provenance, drawers, sheets."""
