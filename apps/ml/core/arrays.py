"""Names of the arrays that the core passes around."""

import numpy as np
from numpy.typing import NDArray

#: Numbers of any shape.
Floats = NDArray[np.float64]
#: Indices and counts.
Integers = NDArray[np.int64]
#: Masks.
Booleans = NDArray[np.bool_]
