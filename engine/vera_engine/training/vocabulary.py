"""The words of the small model and the instructions made of them.

An instruction is a sentence of an artist's; the generator that draws a sample also draws the sentence that
describes it, in one of several wordings.
"""

from __future__ import annotations

import random

COLORS: dict[str, tuple[float, float, float]] = {
    "red": (0.86, 0.10, 0.10),
    "green": (0.10, 0.65, 0.20),
    "blue": (0.12, 0.25, 0.85),
    "yellow": (0.95, 0.85, 0.10),
    "orange": (0.96, 0.52, 0.06),
    "purple": (0.52, 0.15, 0.70),
    "pink": (0.96, 0.50, 0.70),
    "cyan": (0.10, 0.80, 0.85),
    "white": (0.95, 0.95, 0.95),
    "black": (0.08, 0.08, 0.08),
}
"""Color word -> RGB in display sRGB, 0 to 1."""

SHAPES: dict[str, tuple[str, ...]] = {
    "ball": ("ball", "sphere"),
    "box": ("box", "cube"),
    "star": ("star",),
    "triangle": ("triangle", "pyramid"),
}
"""Shape -> the words that name it."""

SIZES: dict[str, tuple[float, float]] = {"small": (0.09, 0.12), "": (0.12, 0.165), "large": (0.165, 0.22)}
"""Size word -> range of the object's radius in frame heights."""

MOTIONS: dict[str, tuple[str, ...]] = {
    "bouncing": ("bouncing",),
    "right": ("moving to the right", "rolling to the right"),
    "left": ("moving to the left", "rolling to the left"),
    "rising": ("rising",),
    "falling": ("falling",),
    "still": ("", "standing still"),
}
"""Motion -> wordings; the empty one is an object that rests."""

POSITIONS: dict[str, float] = {"on the left": -0.55, "in the middle": 0.0, "on the right": 0.55}
"""Position words -> horizontal center, -1 at the frame's left edge and 1 at its right."""

BACKGROUNDS: dict[str, tuple[str, ...]] = {
    "gradient": ("gradient sky", "sky"),
    "stripes": ("striped wall", "wall with stripes"),
    "checkerboard": ("checkerboard", "checkerboard wall"),
    "plain": ("plain wall", "wall"),
}
"""Background pattern -> the words that name it."""

_ADD_VERBS = ("add", "insert", "place", "put")
_BACKGROUND_VERBS = ("replace the background with", "change the background to", "put in a background of")


def words() -> tuple[str, ...]:
    """Every word the generator can say, lower-case, sorted."""
    phrases: list[str] = [*COLORS, *SIZES, *POSITIONS, *_ADD_VERBS, *_BACKGROUND_VERBS, "a", "an"]
    for wordings in (*SHAPES.values(), *MOTIONS.values(), *BACKGROUNDS.values()):
        phrases.extend(wordings)
    return tuple(sorted({word for phrase in phrases for word in phrase.split()}))


def object_instruction(
    rng: random.Random, *, color: str, shape: str, size: str, motion: str, position: str, striped: bool = False
) -> str:
    """A sentence that asks for this object.

    Args:
        position: A key of `POSITIONS`, or "": left out, as by artists who scribble.
        striped: The object has stripes. Other surfaces have no words.
    """
    named = [
        size,
        color,
        "striped" if striped else "",
        rng.choice(SHAPES[shape]),
        rng.choice(MOTIONS[motion]),
        position,
    ]
    phrase = " ".join(part for part in named if part)
    article = "an" if phrase[0] in "aeiou" else "a"
    return f"{rng.choice(_ADD_VERBS)} {article} {phrase}"


def place_and_motion(instruction: str) -> tuple[int | None, int | None]:
    """Which of `POSITIONS` and of `MOTIONS` a sentence names, by their order; None: none.

    An object of which no motion is said rests; of backgrounds neither is said.
    """
    place = next((index for index, position in enumerate(POSITIONS) if position in instruction), None)
    if not any(f" {name}" in instruction for names in SHAPES.values() for name in names):
        return place, None
    resting = list(MOTIONS).index("still")
    wordings = enumerate(MOTIONS.values())
    moving = (index for index, names in wordings if any(name and name in instruction for name in names))
    return place, next(moving, resting)


def background_instruction(rng: random.Random, *, color: str, pattern: str) -> str:
    """A sentence that asks for this background."""
    article = "an" if color[0] in "aeiou" else "a"
    return f"{rng.choice(_BACKGROUND_VERBS)} {article} {color} {rng.choice(BACKGROUNDS[pattern])}"
