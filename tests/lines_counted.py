"""A pytest plugin (`-p tests.lines_counted`): what counts lines leaves its marks where they are.

Slipcover takes a mark out once it has told what it can, and for that looks through every function of every module,
again and again: in each process a tenth of a run. A mark that stays costs next to nothing.
"""

import slipcover

#: How often a mark is passed before it is taken out: more than ever happens, and no more than C's int.
NEVER = 2**31 - 1


class Marks(slipcover.Slipcover):
    """As slipcover's plugin makes it in every test process, where its options do not reach."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **{**options, "d_miss_threshold": NEVER})


slipcover.Slipcover = Marks
