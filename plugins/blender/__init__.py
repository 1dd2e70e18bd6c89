# SPDX-License-Identifier: GPL-3.0-or-later
"""Vera Edit in Blender's compositor: a node that sends a plate to the engine and shows the layers that come back."""

from . import (
    bake,
    file_handlers,
    finish_operators,
    nodes,
    operators,
    panels,
    picture_panels,
    preferences,
    previews,
    properties,
    take_operators,
    take_panels,
)
from .client_package import session

ROOMS = (
    preferences,
    properties,
    nodes,
    operators,
    take_operators,
    finish_operators,
    panels,
    picture_panels,
    take_panels,
    previews,
    file_handlers,
)


def register() -> None:
    for room in ROOMS:
        room.register()
    bake.restore_all()


def unregister() -> None:
    # A node whose class is gone crashes the next render of Blender 4.5; a plain group of the same tree does not.
    bake.convert_all()
    session.close()
    for room in reversed(ROOMS):
        room.unregister()
