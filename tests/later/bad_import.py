raise RuntimeError("on import")
