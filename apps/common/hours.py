"""How much work may be, as every part takes it."""

#: Less is no work: no tracker means a third of a second, and on the log scale two such rows taught a model to promise
#: minutes for everything.
LEAST_HOURS = 0.0001
#: Larger values are slips of the finger: 100,000 hours are fifty working years.
MOST_HOURS = 100_000
#: Less is no size: no scale has it, and of far smaller numbers the square is nothing, by which forecasts would divide.
LEAST_POINTS = 0.001
MOST_POINTS = 10_000
