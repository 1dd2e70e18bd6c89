"""Vera Edit in Nuke: a Group node that sends a plate to the engine and shows the layers that come back."""
