"""The fixed benchmark: 72 object additions and 69 background changes over plates that training never sees.

As many of each as the paper's test set has. Two thirds lie over held-out photographs, one third over a film of
cyclists. `benchmark.json` names the seeds and what they draw; `python -m vera_engine.training.benchmark` prints it.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

from vera_engine.errors import Internal
from vera_engine.training.footage import footage_plate
from vera_engine.training.layers import EditType, LayeredClip
from vera_engine.training.objects import object_addition, object_words
from vera_engine.training.photographs import moving_plate
from vera_engine.training.subjects import background_change, background_words
from vera_engine.training.vocabulary import BACKGROUNDS, POSITIONS, SHAPES, SIZES

MANIFEST = Path(__file__).with_name("benchmark.json")
ADDITIONS, BACKGROUND_CHANGES = 72, 69

_FIRST_SEED = 600_000_000
"""Far from every seed that training draws."""

_PLATES = {"photographs": moving_plate, "bikes.mp4": footage_plate}


class BenchmarkChanged(Internal):
    """The generator draws other clips than the manifest names."""


@dataclass(frozen=True)
class BenchmarkClip:
    """What the manifest says of a clip; what it asks for can be checked mechanically."""

    name: str
    edit_type: EditType
    seed: int
    plate: str
    """A key of `_PLATES`."""
    color: str
    pattern: str
    size: str
    motion: str
    position: str
    hint: str

    def draw(self, frame_count: int, height: int, width: int, hinted: bool = True) -> LayeredClip:
        """The clip itself.

        Args:
            hinted: False: an object without a hint, whose place the instruction names and which lies where training
                puts such objects. Backgrounds always have a hint.

        Raises:
            BenchmarkChanged: The generator no longer draws what the manifest says.
            FootageMissing: The film is not installed.
        """
        clip = self._drawn(frame_count, height, width, hinted)
        drawn = _facts(clip) | ({"hint": clip.hint} if hinted else {})
        if any(value != getattr(self, name) for name, value in drawn.items()):
            raise BenchmarkChanged(
                "The generator draws another clip than the manifest names.",
                argument=self.name,
                value=drawn,
                remedy="Go back to the generator the manifest was made with, or make the manifest anew.",
            )
        return clip

    def with_hint_told(self) -> BenchmarkClip:
        """The same with the kind of the hint that is drawn."""
        return replace(self, hint=self._drawn(1, 16, 16, hinted=True).hint)

    def _drawn(self, frame_count: int, height: int, width: int, hinted: bool) -> LayeredClip:
        rng, plate = random.Random(self.seed), _PLATES[self.plate]
        if self.edit_type == "add":
            return object_addition(rng, frame_count, height, width, "held_out", hinted=hinted, plate=plate)
        return background_change(rng, frame_count, height, width, "held_out", good_roto_share=0.0, plate=plate)


@dataclass(frozen=True)
class Benchmark:
    """The manifest."""

    frames: int
    width: int
    height: int
    clips: tuple[BenchmarkClip, ...]

    def write(self) -> str:
        """As JSON, a line for each clip."""
        lines = ",\n".join(f"  {json.dumps(asdict(clip))}" for clip in self.clips)
        head = ", ".join(f'"{name}": {getattr(self, name)}' for name in ("frames", "width", "height"))
        return f'{{{head}, "clips": [\n{lines}\n]}}\n'


def read_benchmark(manifest: Path = MANIFEST) -> Benchmark:
    """The committed benchmark, or another manifest of its kind."""
    table = json.loads(manifest.read_text(encoding="utf-8"))
    clips = tuple(BenchmarkClip(**clip) for clip in table.pop("clips"))
    return Benchmark(**table, clips=clips)


def benchmark_clips(manifest: Path = MANIFEST, hinted: bool = True) -> Iterator[tuple[BenchmarkClip, LayeredClip]]:
    """All clips of a manifest at its size, one after the other; without hints, the additions alone.

    Raises:
        BenchmarkChanged, FootageMissing: As `BenchmarkClip.draw`.
    """
    benchmark = read_benchmark(manifest)
    for clip in benchmark.clips:
        if hinted or clip.edit_type == "add":
            yield clip, clip.draw(benchmark.frames, benchmark.height, benchmark.width, hinted)


def choose_benchmark() -> Benchmark:
    """The first seeds that show every shape in every third and size twice, and colors, motions and patterns evenly."""
    objects = Counter[tuple[str, ...]](dict.fromkeys(product(SHAPES, POSITIONS, SIZES), 2))
    additions = _chosen("add", objects, ("pattern", "position", "size"), {"color": 8, "motion": 13})
    of_each = -(-BACKGROUND_CHANGES // len(BACKGROUNDS))
    patterns = Counter[tuple[str, ...]]({(pattern,): of_each for pattern in BACKGROUNDS})
    backgrounds = _chosen("background", patterns, ("pattern",), {"color": 8})
    chosen = (*additions[:ADDITIONS], *backgrounds[:BACKGROUND_CHANGES])
    return Benchmark(frames=17, width=288, height=192, clips=tuple(clip.with_hint_told() for clip in chosen))


def _chosen(
    edit_type: EditType, wanted: Counter[tuple[str, ...]], names: tuple[str, ...], most: dict[str, int]
) -> list[BenchmarkClip]:
    """Clips until nothing more is wanted.

    Args:
        wanted: How often each combination of the facts `names` is.
        most: How often each value of another fact is at most.
    """
    found: list[BenchmarkClip] = []
    seed = _FIRST_SEED + (0 if edit_type == "add" else 10_000_000)
    while wanted.total():
        rng = random.Random(seed)
        nothing = {"size": "", "motion": "still", "position": ""}
        facts = object_words(rng) if edit_type == "add" else background_words(rng) | nothing
        combination = tuple(facts[name] for name in names)
        if wanted[combination] > 0 and all(
            sum(getattr(each, name) == facts[name] for each in found) < limit for name, limit in most.items()
        ):
            wanted[combination] -= 1
            number = len(found) + 1
            plate = "bikes.mp4" if number % 3 == 0 else "photographs"
            found.append(BenchmarkClip(f"{edit_type}-{number:02}", edit_type, seed, plate, **facts, hint=""))
        seed += 1
    return found


def _facts(clip: LayeredClip) -> dict[str, str]:
    return {name: getattr(clip, name) for name in ("color", "pattern", "size", "motion", "position")}


if __name__ == "__main__":
    sys.stdout.write(choose_benchmark().write())
