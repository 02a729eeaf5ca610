"""Checks what docs/guarantees.md promises, and mends what can be mended; one module an invariant."""
