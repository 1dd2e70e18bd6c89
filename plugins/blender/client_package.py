# SPDX-License-Identifier: GPL-3.0-or-later
"""Where `vera_client` comes from: inside the add-on once it is built, from its own room in a checkout."""

try:
    from .vera_client import Refused, VeraClient, VeraClientError
except ModuleNotFoundError as error:
    if error.name != f"{__package__}.vera_client":
        raise
    from vera_client import Refused, VeraClient, VeraClientError

__all__ = ["Refused", "VeraClient", "VeraClientError"]
