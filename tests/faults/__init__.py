"""`make faults`: the real program, killed again and again before chats that fail, loses no report and no alert."""
