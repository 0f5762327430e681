"""Bytes on disk to arrays: sound, images, video, faces, speech."""
