"""The kernels that Python calls, each one lock turn."""
