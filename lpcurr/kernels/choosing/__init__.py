"""Which task is played next, and which one makes room."""
