"""The pack's nodes for ComfyUI; thin shells over `core`."""
