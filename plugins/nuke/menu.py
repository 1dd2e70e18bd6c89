"""Nuke runs this where it has a window: the node in the toolbar, and so in the tab menu. It never raises."""

try:
    import os

    import nuke

    from vera_nuke import callbacks, changes

    nuke.addOnScriptLoad(callbacks.script_loaded)
    nuke.addOnScriptSave(callbacks.script_saved)
    nuke.addUpdateUI(changes.noticed)
    nuke.pluginAddPath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "icons").replace("\\", "/"))
    menu = nuke.menu("Nodes").addMenu("Vera Edit", icon="vera_edit.png")
    menu.addCommand("Vera Edit", "import vera_nuke.node; vera_nuke.node.create()", icon="vera_edit.png")
except Exception as error:  # noqa: BLE001, Nuke goes on to start
    print(f"Vera Edit has no menu: {error}")
