"""What moves aliases: called by people and pipelines that AWS has identified, never by the public."""
