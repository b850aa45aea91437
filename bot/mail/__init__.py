"""E-mail: the way out for an alert that no chat delivers, and for a critical one that nobody has answered."""
