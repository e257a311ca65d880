"""Hours of work, as every part takes them."""

#: Less is no work: no tracker means a third of a second, and on the log scale two such rows taught a model to promise
#: minutes for everything.
LEAST_HOURS = 0.0001
