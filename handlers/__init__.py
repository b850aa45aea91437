"""What the bot does when somebody asks: one file, one user action. A command and ports in, an outcome out."""
