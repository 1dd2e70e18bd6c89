# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine is: the add-on's preferences."""

import bpy

from .client_package import session


def connection() -> dict[str, str]:
    """What the preferences say of the engine, as arguments of `VeraClient`; what is left empty is left out."""
    addon = bpy.context.preferences.addons.get(__package__)
    if addon is None or addon.preferences is None:
        return {}
    named = {name: getattr(addon.preferences, name).strip() for name in ("python", "address", "model")}
    return {name: value for name, value in named.items() if value}


def _reconnect(_preferences: bpy.types.AddonPreferences, _context: bpy.types.Context) -> None:
    session.close()


class VeraEditPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    python: bpy.props.StringProperty(
        name="Engine's Python",
        description="Python of the environment that the engine is installed in. Empty: what `vera-edit install` noted, "
        "or the variable VERA_EDIT_PYTHON",
        subtype="FILE_PATH",
        update=_reconnect,
    )
    address: bpy.props.StringProperty(
        name="Address",
        description="host:port of an engine that runs already. Empty: the engine of this machine, started when needed",
        update=_reconnect,
    )
    model: bpy.props.StringProperty(
        name="Model",
        description="`small`, or a model folder. Empty: whatever the engine runs",
        update=_reconnect,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        for name in ("python", "address", "model"):
            self.layout.prop(self, name)


def register() -> None:
    bpy.utils.register_class(VeraEditPreferences)


def unregister() -> None:
    bpy.utils.unregister_class(VeraEditPreferences)
