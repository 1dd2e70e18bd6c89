"""The OpenColorIO configuration that names colour spaces and converts between them, read by OpenImageIO.

It is the studio's, where the environment variable OCIO names one, else a configuration that OpenColorIO carries itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vera_engine.errors import FailedPrecondition
from vera_engine.plates.chosen_config import BUILT_IN, chosen_config

REC709_NAMES = (
    "lin_rec709_scene",
    "lin_rec709",
    "Linear Rec.709 (sRGB)",
    "Linear Rec.709",
    "Utility - Linear - Rec.709",
    "Utility - Linear - sRGB",
    "lin_srgb",
)
"""What configurations call scene-linear Rec.709."""
INTERCHANGE_ROLE = "aces_interchange"
"""OpenColorIO's role for ACES2065-1, by which one configuration's spaces are known to another."""


class ColorConfigUnusable(FailedPrecondition):
    """A configuration that cannot be read, or that does not say how its colours relate to others."""


class ColorConfig:
    """One configuration. `ColorConfig.current()` is the one to use.

    Args:
        name: A file's path or `ocio://...`, as in the environment variable OCIO.

    Raises:
        ColorConfigUnusable: It cannot be read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        """What files of takes say."""
        self._read = oiio.ColorConfig(name)
        error = self._read.geterror()
        if error:
            raise ColorConfigUnusable(
                f"The colour configuration cannot be read: {error.strip()}.",
                argument="OCIO",
                value=name,
                remedy=f"Let OCIO name a configuration, or unset it: the built-in {BUILT_IN} is used then.",
            )
        self.names: tuple[str, ...] = tuple(self._read.getColorSpaceNames())
        """Of all colour spaces, data and inactive ones too."""

    @classmethod
    def current(cls) -> ColorConfig:
        """The studio's configuration by the environment variable OCIO, else the built-in one.

        Read once by each process.

        Raises:
            ColorConfigUnusable: OCIO names one that cannot be read.
        """
        return config_named(chosen_config())

    @property
    def is_studios(self) -> bool:
        """Whether a studio chose it."""
        return self.name != BUILT_IN

    def __repr__(self) -> str:
        return f"ColorConfig({self.name!r})"

    def aliases(self, name: str) -> tuple[str, ...]:
        """Other names of a space."""
        return tuple(self._read.getAliases(name))

    def find(self, text: str) -> str | None:
        """The name of the space that has this name, alias or role, in either case of letters; None without one."""
        word = text.lower()
        return self._by_name.get(word) or self._by_role.get(word)

    def find_by_name(self, text: str) -> str | None:
        """As `find`, but for roles, which mean something else in every configuration."""
        return self._by_name.get(text.lower())

    def find_by_interop_id(self, text: str) -> str | None:
        """The name of the first space that the color interop forum calls so; None without one."""
        return self._by_interop_id.get(text.lower())

    def find_linear_by_primaries(self, chromaticities: Sequence[float]) -> str | None:
        """The first linear space with the primaries and white of a standard: x and y of red, green, blue and
        white; None without one."""
        for name, known in self._linear_standards:
            if are_same_primaries(chromaticities, known):
                return name
        return None

    def is_data(self, name: str) -> bool:
        """Whether the values of a space are no colours: normals, masks, depth."""
        return bool(self._read.isData(name))

    def is_linear(self, name: str) -> bool:
        """Whether the values of a space are in proportion to light."""
        return bool(self._read.isColorSpaceLinear(name)) and not self.is_data(name)

    def interop_id(self, name: str) -> str:
        """The color interop forum's name of a space; empty for spaces without one."""
        said: str = self._read.get_color_interop_id(name)
        return "" if ":" in said else said

    def chromaticities(self, name: str) -> tuple[float, ...] | None:
        """x and y of red, green, blue and white, where the primaries are a standard's; else None."""
        known = self._read.get_chromaticities(name)
        return None if known is None else tuple(known)

    def space_by_file_rules(self, path: str) -> str | None:
        """What the configuration's file rules say of a path; None where only the default rule applies to it."""
        if self._read.filepathOnlyMatchesDefaultRule(path):
            return None
        return self.find(self._read.getColorSpaceFromFilepath(path))

    def convert(self, image: NDArray[np.float32], from_space: str, to_space: str) -> NDArray[np.float32]:
        """Pixels (H, W, 3) of one space in another, both by name. Values are not limited.

        Raises:
            ColorConfigUnusable: A file that the configuration names is not there.
        """
        if from_space == to_space:
            return image
        pixels = oiio.ImageBuf(np.ascontiguousarray(image, np.float32))
        if self._is_kept:
            done = oiio.ImageBufAlgo.colorconvert(pixels, pixels, from_space, to_space, unpremult=False)
        else:
            done = oiio.ImageBufAlgo.colorconvert(
                pixels, pixels, from_space, to_space, unpremult=False, colorconfig=self.name
            )
        if not done:
            raise ColorConfigUnusable(
                f"The colour configuration does not convert {from_space} to {to_space}: {pixels.geterror().strip()}",
                argument="OCIO",
                value=self.name,
                remedy="Put the files that it names where it looks for them, or name plates in another space.",
            )
        return np.asarray(pixels.get_pixels(oiio.FLOAT), np.float32).reshape(image.shape)

    def matrix(self, from_space: str, to_space: str) -> NDArray[np.float32]:
        """(3, 3) between two linear spaces: a row for each channel converted from."""
        return _matrix(self, from_space, to_space)

    def matrix_to_rec709(self, linear_space: str) -> NDArray[np.float32]:
        """(3, 3) from a linear space to scene-linear Rec.709, white D65: a row for each channel converted from.

        Raises:
            ColorConfigUnusable: The configuration has neither such a space nor a role `aces_interchange`.
        """
        rec709 = self._rec709
        if rec709 is not None:
            return self.matrix(linear_space, rec709)
        built_in = config_named(BUILT_IN)
        to_aces = self.matrix(linear_space, self._interchange)
        from_aces = built_in.matrix_to_rec709(built_in.find(INTERCHANGE_ROLE) or "")
        return to_aces @ from_aces

    @cached_property
    def scene_linear(self) -> str:
        """The space that the configuration's role `scene_linear` names: what a studio composites in.

        Raises:
            ColorConfigUnusable: There is no such role, or its space is not linear.
        """
        name = self.find("scene_linear")
        if name is None or not self.is_linear(name):
            raise ColorConfigUnusable(
                "The colour configuration has no role scene_linear that names a linear space.",
                argument="OCIO",
                value=self.name,
                remedy="Give it one, or name plates in a linear space of it.",
            )
        return name

    def linear_spaces_near(self, name: str) -> list[str]:
        """All active linear spaces, near ones first: of the space's family, `scene_linear`, standards."""
        family = self._read.getColorSpaceFamilyByName(name)

        def is_farther(space: str) -> tuple[bool, bool, bool]:
            is_other = self._read.getColorSpaceFamilyByName(space) != family
            return is_other, space != self.scene_linear, self.chromaticities(space) is None

        active = [space for space in self.names if self._read.isColorSpaceActive(space) and self.is_linear(space)]
        return sorted(active, key=is_farther)

    @cached_property
    def _is_kept(self) -> bool:
        """Whether this is what OCIO named when the process began: OpenImageIO reads any other for every conversion."""
        return bool(oiio.ColorConfig.default_colorconfig().configname() == self.name)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in self.names:
            found.update(dict.fromkeys((alias.lower() for alias in self.aliases(name)), name))
        found.update((name.lower(), name) for name in self.names)
        return found

    @cached_property
    def _by_role(self) -> dict[str, str]:
        return {role.lower(): self._read.getColorSpaceNameByRole(role) for role in self._read.getRoles()}

    @cached_property
    def _by_interop_id(self) -> dict[str, str]:
        colors = [name for name in self.names if not self.is_data(name)]
        found = {self.interop_id(name): name for name in reversed(colors)}
        found.pop("", None)
        return found

    @cached_property
    def _linear_standards(self) -> list[tuple[str, tuple[float, ...]]]:
        linear = [(name, self.chromaticities(name)) for name in self.names if self.is_linear(name)]
        return [(name, primaries) for name, primaries in linear if primaries is not None]

    @cached_property
    def _rec709(self) -> str | None:
        return next((name for name in map(self.find, REC709_NAMES) if name and self.is_linear(name)), None)

    @cached_property
    def _interchange(self) -> str:
        name = self.find(INTERCHANGE_ROLE)
        if name is None:
            raise ColorConfigUnusable(
                "The colour configuration has neither scene-linear Rec.709 nor a role aces_interchange, so nothing is "
                "known of its colours.",
                argument="OCIO",
                value=self.name,
                remedy="Give it the role aces_interchange, for ACES2065-1.",
            )
        return name


def are_same_primaries(some: Sequence[float], others: Sequence[float]) -> bool:
    """Whether x and y of red, green, blue and white are the same, but for rounding in files."""
    return np.allclose(some, others, rtol=0, atol=5e-4)


@cache
def config_named(name: str) -> ColorConfig:
    """A configuration by the name that a colour space has of it; read once by each process.

    Raises:
        ColorConfigUnusable: It cannot be read.
    """
    return ColorConfig(name)


@cache
def _matrix(config: ColorConfig, from_space: str, to_space: str) -> NDArray[np.float32]:
    # Asked for once: OpenImageIO reads the configuration again for every conversion, which takes a tenth of a second.
    primaries = np.eye(3, dtype=np.float32)
    return config.convert(primaries[np.newaxis], from_space, to_space).reshape(3, 3)
