"""Training: synthetic layered video over real photographs, the small model's codec, and the loop."""
