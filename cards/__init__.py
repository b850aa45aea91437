"""What people see: one neutral card model, one view per file, and a renderer for each place a card is shown."""
