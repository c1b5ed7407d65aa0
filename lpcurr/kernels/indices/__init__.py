"""Whatever follows from the truth columns and is kept up to date with them, each in a file of its own."""
