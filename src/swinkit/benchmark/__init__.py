"""How fast models run here, beside other implementations and architectures, measured so that it holds."""
