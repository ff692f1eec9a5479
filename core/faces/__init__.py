"""Where is the face? Detection, five points, differentiable alignment, masks, crop and paste-back."""
