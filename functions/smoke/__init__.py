"""The trial of new code before it answers."""
