"""What every host's node needs besides the engine itself: takes on disk, runs, what is stale. Standard library only."""
