"""What a kernel is made of: its compilation, views into a segment, clock, random streams."""
