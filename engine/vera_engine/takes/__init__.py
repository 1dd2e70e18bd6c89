"""Takes: what is asked for, the queue, the worker process, and the versions on disk. Joins pipeline and plates."""
