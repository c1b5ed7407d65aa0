"""One thin module for each library that lpcurr plugs into; none is imported until it is asked for."""
