"""The places of waiting takes: written down for whom somebody watches, not for each of thousands at every change."""

from __future__ import annotations

from collections import defaultdict

from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.events import QueuedAt
from vera_engine.takes.forecast import Forecast
from vera_engine.takes.news import News
from vera_engine.takes.take import LaneKind, TakeState


class Places:
    """Tells the waiting takes of a lane their places. Belongs to one event loop."""

    def __init__(self, lane: LaneKind, database: TakeDatabase, news: News, forecast: Forecast) -> None:
        self._lane = lane
        self._database = database
        self._news = news
        self._forecast = forecast
        self._told: dict[str, int] = {}

    def tell(self, take_id: str, running: str | None) -> None:
        """Tells a take its place and when its turn may come, where it waits; without a look at each of the others.

        Raises:
            TakeNotFound: where there is none.
        """
        if self._database.get(take_id).state is TakeState.QUEUED and take_id != running:
            count, work = self._database.work_before(take_id, running)
            self._publish(take_id, count + 1, self._forecast.seconds(work))

    def tell_watched(self, running: str | None) -> None:
        """Tells those waiting takes that somebody watches, where their place has changed."""
        watched = self._news.watched & self._told.keys()
        if not watched:
            return
        waiting = ((take_id, work) for take_id, work in self._database.work(self._lane) if take_id != running)
        before: defaultdict[str, float] = defaultdict(float)
        for place, (take_id, (size, steps)) in enumerate(waiting, start=1):
            if take_id in watched:
                self._publish(take_id, place, self._forecast.seconds(before.items()))
            before[size] += steps

    def left(self, take_id: str) -> None:
        """The take does not wait any more."""
        self._told.pop(take_id, None)

    def _publish(self, take_id: str, place: int, seconds_to_start: float | None) -> None:
        if self._told.get(take_id) != place:
            self._told[take_id] = place
            self._news.publish(take_id, QueuedAt(place, seconds_to_start))
