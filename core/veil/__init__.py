"""What may change a face, and nothing of the face: fields of warp, contrast and light."""
