"""Where ComfyUI's ways and the core's meet."""
