"""What loading a model and tagging need: numpy, safetensors and the standard library."""
