"""How days are written in each language of the pages."""
