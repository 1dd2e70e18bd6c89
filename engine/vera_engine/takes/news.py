"""What happens to takes, kept and told to whoever watches. Belongs to one event loop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Set

from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.events import TakeEvent
from vera_engine.takes.take import Take


class News:
    """Every event is in the records before anybody hears of it, so a watch can begin at any of them."""

    def __init__(self, database: TakeDatabase) -> None:
        self._database = database
        self._watches: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    @property
    def watched(self) -> Set[str]:
        """The ids of takes that somebody watches."""
        return self._watches.keys()

    def publish(self, take_id: str, event: TakeEvent, take: Take | None = None) -> None:
        """Keeps an event, and with it what the take is now, as `TakeDatabase.add_event` does; then tells of it."""
        self._database.add_event(take_id, event, take)
        self.wake(take_id)

    def wake(self, take_id: str) -> None:
        """Lets all who watch the take look at the records again."""
        for woken in self._watches.get(take_id, ()):
            woken.set()

    async def watch(self, take_id: str, after_sequence: int = 0) -> AsyncGenerator[tuple[int, TakeEvent]]:
        """The take's events with a greater sequence, those to come too, until it is final or deleted.

        Raises:
            TakeNotFound: where there is none, or it is deleted while it is watched.
        """
        news = asyncio.Event()
        self._watches[take_id].add(news)
        try:
            while True:
                news.clear()
                events = self._database.events(take_id, after_sequence)
                if not events:
                    if self._database.get(take_id).state.is_final:
                        return
                    await news.wait()
                for sequence, event in events:
                    after_sequence = sequence
                    yield sequence, event
        finally:
            self._watches[take_id].discard(news)
            if not self._watches[take_id]:
                del self._watches[take_id]
