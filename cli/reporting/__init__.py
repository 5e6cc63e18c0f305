"""Reports for people: one document model, and a writer for each format."""
