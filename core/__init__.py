"""The library under the nodes and the command line: plain torch, no ComfyUI."""
