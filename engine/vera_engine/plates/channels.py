"""Which of a file's channels are the plate, or the mask: by part, view and layer, where one choice is clear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import OpenImageIO as oiio

from vera_engine.errors import InvalidArgument

_WORDS = {"RED": "R", "GREEN": "G", "BLUE": "B", "ALPHA": "A"}
_BASE_LAYERS = ("", "rgb", "rgba")
_BEAUTY_LAYERS = ("combined", "beauty")
"""Last words of layers that hold the picture itself: of any file, and of what renderers write."""


class NoRgbChannels(InvalidArgument):
    """A plate without channels R, G and B, or a mask without one of A, Y, R."""


class ChannelsUnclear(InvalidArgument):
    """A file with several pictures none of which is the plain one, or without the one that is asked for."""


@dataclass(frozen=True)
class Role:
    """What a file is read as."""

    noun: str
    """`plate`, `mask` or `hold-out`, in messages."""
    argument: str
    """The argument named in errors."""
    choices: tuple[str, ...]
    """Sets of one-letter channels, the first that a layer has is read: `("RGB",)`, `("A", "Y", "R")`."""

    @property
    def wanted(self) -> str:
        """The choices in words."""
        return " or ".join(", ".join(choice) for choice in self.choices)

    def beside(self, field: str) -> str:
        """An argument that stands beside the path: `plate.layer`."""
        return f"{self.argument.rpartition('.')[0]}.{field}"


@dataclass(frozen=True)
class Choice:
    """What an artist says of the picture in a file that holds several. Empty: whichever is clear."""

    view: str = ""
    part: str = ""
    """A part's name, or its number from 0."""
    layer: str = ""
    """What stands before the channels' own names; of a mask also a channel's full name."""


@dataclass(frozen=True)
class Picture:
    """Channels of a file that make a picture for a role."""

    part: int
    part_name: str
    """Its number, where the parts of a file have no names; empty in a file of one part."""
    view: str
    layer: str
    """What stands before the channels' own names; in a file of several parts, else the part's name."""
    channels: tuple[int, ...]
    """Their places in the part, in the order that the role asks for."""
    is_in_first_view: bool = True

    @property
    def last_word(self) -> str:
        """`combined` of `ViewLayer.Combined`."""
        return self.layer.rpartition(".")[2].lower()

    def __str__(self) -> str:
        text = f"layer {self.layer}" if self.layer else "the base channels"
        if self.view:
            text += f" of view {self.view}"
        return f"{text} in part {self.part_name}" if self.part_name not in ("", self.layer) else text


def choose_picture(path: Path, parts: Sequence[oiio.ImageSpec], role: Role, choice: Choice) -> Picture:
    """The picture of a file that a role asks for.

    Where a choice leaves several, the first view of a part with several is taken, and then the plain one: without a
    layer, or `rgb`, `rgba`; else `Combined` or `beauty`.

    Args:
        path: The file, for messages.
        parts: What each part says of itself.
        role: What the file is read as.
        choice: What an artist says.

    Raises:
        NoRgbChannels: No part has the role's channels.
        ChannelsUnclear: Several pictures are left, or none.
    """
    pictures = [picture for part in range(len(parts)) for picture in _pictures_of(parts, part, role, choice)]
    if not pictures:
        names = [name for spec in parts for name in spec.channelnames]
        raise NoRgbChannels(
            f"The {role.noun} has no channels {role.wanted}; it has {', '.join(names) or 'none at all'}.",
            argument=role.argument,
            value=path,
            remedy=f"Write the {role.noun} with {role.wanted} as its base layer.",
        )
    left = pictures
    for field, asked, fits in (
        ("part", choice.part, _is_in_part),
        ("view", choice.view, _is_of_view),
        ("layer", choice.layer, _is_layer),
    ):
        chosen = [picture for picture in left if fits(picture, asked, parts)] if asked else left
        if not chosen:
            raise ChannelsUnclear(
                f"{path.name} has no {field} of that name with channels {role.wanted}.",
                argument=role.beside(field),
                value=asked,
                remedy=f"It has {_listed(left)}.",
            )
        left = chosen
    left = [picture for picture in left if picture.layer.lower() == choice.layer.lower()] or left
    for is_plainer in _PLAINER:
        left = [picture for picture in left if is_plainer(picture)] or left
        if len(left) == 1:
            return left[0]
    field = "view" if len({picture.view for picture in left}) == len(left) else "layer"
    raise ChannelsUnclear(
        f"{path.name} holds several pictures, and none is the plain one: {_listed(left)}.",
        argument=role.beside(field),
        value=_asked(choice),
        remedy=f"Say which {field} to read, or which part.",
    )


_PLAINER: tuple[Callable[[Picture], bool], ...] = (
    lambda picture: picture.is_in_first_view,
    lambda picture: picture.last_word in _BASE_LAYERS,
    lambda picture: picture.last_word in _BEAUTY_LAYERS,
)


def _is_in_part(picture: Picture, asked: str, parts: Sequence[oiio.ImageSpec]) -> bool:
    """By name; where no part has that name, by number."""
    if asked.lower() in (_name_of(spec).lower() for spec in parts):
        return _name_of(parts[picture.part]).lower() == asked.lower()
    return asked.isdecimal() and picture.part == int(asked)


def _is_of_view(picture: Picture, asked: str, parts: Sequence[oiio.ImageSpec]) -> bool:
    return picture.view.lower() == asked.lower()


def _is_layer(picture: Picture, asked: str, parts: Sequence[oiio.ImageSpec]) -> bool:
    """By its name, or by the last words of it: `Combined` is `ViewLayer.Combined` too, `rgba` are the base channels."""
    if not picture.layer:
        return asked.lower() in _BASE_LAYERS
    return f".{picture.layer}".lower().endswith(f".{asked}".lower())


def _pictures_of(parts: Sequence[oiio.ImageSpec], part: int, role: Role, choice: Choice) -> list[Picture]:
    spec = parts[part]
    if spec.deep or spec.depth > 1:
        return []
    part_name = _name_of(spec)
    views = _views_within(spec)
    layers: dict[tuple[str, str], dict[str, int]] = {}
    for place, name in enumerate(spec.channelnames):
        *path, own = name.split(".")
        view = spec.get_string_attribute("view")
        if views and not path:
            view = views[0]  # OpenEXR's rule for names without a dot
        elif views and path[-1] in views:
            view = path.pop()
        own = own.upper()
        places = layers.setdefault((".".join(path), view), {})
        places.setdefault(_WORDS.get(own, own), place)
        if name.lower() == choice.layer.lower() and len(role.choices[0]) == 1:
            layers[name, view] = {role.choices[0]: place}
    pictures = []
    for (layer, view), places in layers.items():
        letters = next((letters for letters in role.choices if all(letter in places for letter in letters)), None)
        if letters is not None:
            layer_or_part = layer or (_without_view(part_name, view) if len(parts) > 1 else "")
            channels = tuple(places[letter] for letter in letters)
            name = (part_name or str(part)) if len(parts) > 1 else ""
            pictures.append(Picture(part, name, view, layer_or_part, channels, not views or view == views[0]))
    return pictures


def _name_of(spec: oiio.ImageSpec) -> str:
    name: str = spec.get_string_attribute("oiio:subimagename")
    return name


def _without_view(part_name: str, view: str) -> str:
    """`rgba` of `rgba_left`: no two parts may have one name, so writers add the view to it."""
    return part_name[: -len(view)].rstrip("._- ") if view and part_name.lower().endswith(view.lower()) else part_name


def _views_within(spec: oiio.ImageSpec) -> tuple[str, ...]:
    """The views of a part that holds several, the default first."""
    views = spec.getattribute("multiView")
    if isinstance(views, str):
        return (views,)
    return views if isinstance(views, tuple) and all(isinstance(view, str) for view in views) else ()


def _listed(pictures: Sequence[Picture]) -> str:
    return ", ".join(dict.fromkeys(map(str, pictures)))


def _asked(choice: Choice) -> str:
    return ", ".join(f"{field} {value}" for field, value in vars(choice).items() if value) or "unspecified"
