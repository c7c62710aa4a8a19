"""What the trainers of all families share; nothing of it is public."""
