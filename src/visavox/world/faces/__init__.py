"""The faces of the made-up world: painted once for a clip, then moved."""
