"""Each school's policy as data; the catalogue of concerns and the national guidance that all share."""
