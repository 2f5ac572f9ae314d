"""Records on their way in, one batch after the other."""
