"""Checkpoints of published systems to folders of ours, one system a file; what each must hold is in `manifests`."""
