"""How a service gets a spec and is started: what is installed beside it, its routes, its launch."""
