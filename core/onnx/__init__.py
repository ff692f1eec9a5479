"""An ONNX file as a torch network that a gradient goes through."""
