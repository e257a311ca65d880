"""How far off an answer may be: from the own outcomes of a team, and from ranges that would have been served."""
