"""What happened since: the inference log, corrections and drift reports, append-only beside the registry."""
