"""The model's matte, cleaned at plate size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument

MATTE_BLACK = 0.06
"""What the model leaves where nothing is: alpha up to here becomes exactly 0."""
MATTE_WHITE = 0.94
"""Alpha from here on becomes exactly 1."""


class MatteInvalid(InvalidArgument):
    """Thresholds the wrong way round, or alpha that is not finite."""


def clean_matte(
    alpha: NDArray[np.float32], black: float = MATTE_BLACK, white: float = MATTE_WHITE
) -> NDArray[np.float32]:
    """Spreads `black`..`white` over 0..1, exactly 0 below and exactly 1 above.

    A decoder never gives a perfect 0; without this the plate would be touched everywhere.

    Args:
        alpha: Any shape, float32; values outside 0..1 are allowed.
        black: 0 to 1, less than `white`.
        white: 0 to 1.

    Raises:
        MatteInvalid: `black` is not below `white`, or alpha holds NaN or infinity.
    """
    if not 0 <= black < white <= 1:
        raise MatteInvalid(
            "The matte's black has to lie below its white, both in 0..1.", argument="black", value=f"{black}, {white}"
        )
    if not np.isfinite(alpha).all():
        raise MatteInvalid("Alpha is not finite.", argument="alpha", value=f"{(~np.isfinite(alpha)).sum()} values")
    cleaned: NDArray[np.float32] = (alpha - np.float32(black)) / np.float32(white - black)
    # By comparison, not by arithmetic, which may fall a step short of the ends.
    cleaned[alpha <= np.float32(black)] = 0
    cleaned[alpha >= np.float32(white)] = 1
    return cleaned
