"""Nuke's progress bars, one for each node whose takes are in work. In the thread that follows them."""

from __future__ import annotations

import nuke

from vera_client.host.run import Run


class Bars:
    """Nuke closes a bar when its last reference goes."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._tasks: dict[str, nuke.ProgressTask] = {}

    def follow(self, runs: list[tuple[str, Run]]) -> None:
        """Args:
        runs: What is going on, each with its node's name; bars of others are closed.
        """
        self._runs = {run.node_id: run for _, run in runs}
        for node_id in [node_id for node_id in self._tasks if node_id not in self._runs]:
            del self._tasks[node_id]
        for name, run in runs:
            if run.node_id not in self._tasks:
                self._tasks[run.node_id] = nuke.ProgressTask(f"Vera Edit: {name}")

    def draw(self) -> None:
        """Shows how far they are."""
        for node_id, task in self._tasks.items():
            run = self._runs[node_id]
            task.setMessage(run.text)
            task.setProgress(int(100 * run.progress))

    def cancelled(self) -> list[str]:
        """The nodes whose bars the artist has just cancelled, each once."""
        stopped = [
            node_id
            for node_id, task in self._tasks.items()
            if task.isCancelled() and not self._runs[node_id].wants_cancel
        ]
        for node_id in stopped:
            self._runs[node_id].wants_cancel = True
        return stopped
