"""What is kept: the database, and the files a school owns (its policy, its people, its settings)."""
