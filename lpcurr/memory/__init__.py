"""Bytes that processes share, and what the system knows of those processes: NumPy and the OS, no numba, no pydantic."""
