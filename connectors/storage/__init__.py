"""Content-addressed bytes and actions, in a folder or in S3."""
