"""The colour configuration that is used where a studio names none. Standard library only."""

from __future__ import annotations

import os

BUILT_IN = "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
"""OpenColorIO's own: ACES with the cameras' log spaces. Pinned by name, so that another OpenColorIO does not change
colours."""


def keep_configuration_in_memory() -> None:
    """For the start of a process that converts many pictures, before it imports OpenImageIO.

    OpenImageIO keeps the configuration that the environment variable OCIO named then, and reads any other again for
    every picture, which takes a tenth of a second. So OCIO is set to the built-in one where a studio has not set it.
    """
    if not os.environ.get("OCIO"):
        os.environ["OCIO"] = BUILT_IN
