"""Plates in, layers out: sequences, EXR files, colour, resizing, the matte, and the exact over. No torch here."""
