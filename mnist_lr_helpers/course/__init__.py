"""What makes and serves the course, and no notebook imports: its commands, and what they need."""
