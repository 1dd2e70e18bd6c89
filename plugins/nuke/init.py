"""Nuke runs this in every session, on render farms too: it never raises."""

try:
    import importlib.util
    import os
    import sys

    if importlib.util.find_spec("vera_client") is None:  # in a checkout it lies in a room of its own
        sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "client"))
    from vera_nuke import path_map

    path_map.register()
except Exception as error:  # noqa: BLE001, a session without our plugin is better than none
    print(f"Vera Edit is not set up: {error}")
