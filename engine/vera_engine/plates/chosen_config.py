"""Which OpenColorIO configuration counts: the studio's, where the environment variable OCIO names one, else one that
OpenColorIO carries itself. Standard library only, so that the server can use it without loading image libraries."""

from __future__ import annotations

import os

from vera_engine.errors import FailedPrecondition

BUILT_IN = "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
"""OpenColorIO's own: ACES with the cameras' log spaces. Pinned by name, so that another OpenColorIO does not change
colours."""


class ColorConfigDiffers(FailedPrecondition):
    """Another configuration than the one that a take is asked for, or was made, by: names may mean other colours."""


def chosen_config() -> str:
    """The configuration that this process reads plates by: a file's path or `ocio://...`."""
    return os.environ.get("OCIO") or BUILT_IN


def check_chosen(config: str, whose: str) -> None:
    """Checks that a configuration is the one that this process has.

    Args:
        config: As OCIO names it; empty: the built-in one.
        whose: What goes by it, to begin a sentence with.

    Raises:
        ColorConfigDiffers: It is another one.
    """
    wanted, here = config or BUILT_IN, chosen_config()
    if wanted == here:
        return
    if "://" not in wanted + here and os.path.realpath(wanted) == os.path.realpath(here):
        return
    raise ColorConfigDiffers(
        f"{whose} goes by another OpenColorIO configuration, {wanted}, than what is to read the plate: {here}.",
        argument="OCIO",
        value=wanted,
        remedy=("Unset the variable OCIO" if wanted == BUILT_IN else f"Let the variable OCIO name {wanted}")
        + "; where an engine runs, end it (`vera-edit stop`), and the next command starts it anew.",
    )


def keep_configuration_in_memory() -> None:
    """For the start of a process that converts many pictures, before it imports OpenImageIO.

    OpenImageIO keeps the configuration that the environment variable OCIO named then, and reads any other again for
    every picture, which takes a tenth of a second. So OCIO is set to the built-in one where a studio has not set it.
    """
    os.environ["OCIO"] = chosen_config()
