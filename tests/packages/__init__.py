"""What is published, installed and run as its users do."""
