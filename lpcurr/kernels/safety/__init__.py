"""What keeps a pool whole when a process dies at any store: the lock, the undo journal, fault points."""
