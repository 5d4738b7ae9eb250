"""What is read off an application's models: their metadata, and the manifest of what they use."""
