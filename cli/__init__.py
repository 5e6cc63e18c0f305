"""The `firesteel` command: one module a command, wired together in `main`."""
