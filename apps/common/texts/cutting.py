"""A long text, cut where a word ends.

Half a name or half an address is what no erasure finds: nobody can tell any more whose it is, but a reader may guess.
"""

#: An address has 254 characters at most (RFC 5321), and no word of a language has more. What goes on for longer without
#: a blank is a code, or in a script that sets none, and is cut where the room ends.
LONGEST_WORD = 254


def cut_between_words(text: str, longest: int) -> str:
    """The beginning of a text, up to the last blank that leaves `longest` characters or fewer, or half of them."""
    if len(text) <= longest:
        return text
    # One more: a word that ends where the room does is whole.
    beginning = text[: longest + 1]
    for at in range(longest, max(longest - LONGEST_WORD, longest // 2) - 1, -1):
        if beginning[at].isspace():
            return beginning[:at].rstrip()
    return beginning[:longest]
