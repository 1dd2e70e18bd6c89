"""The sampler: from plate, mask and instruction to the latents of edit, alpha and composite, and their frames."""
