"""Takes jobs off the queue, calls the core, stores readings."""
