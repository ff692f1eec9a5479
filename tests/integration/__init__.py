"""Tests against a real ComfyUI."""
