"""Where files are taken, and how large a request may be there and elsewhere: asked by the server before it gathers a
body, and by the application before it parses one. Knows no framework."""

import re

#: Somewhat more than the largest file that an import takes.
LONGEST_UPLOAD_BYTES = 60 * 2**20
#: Of everything else: Django's own limit of what it reads into memory.
LONGEST_BODY_BYTES = 2_621_440
_TAKES_FILES = re.compile(r"/(?:api/v1/imports|projects/[^/]+/import/upload)/?")


def longest_body(path: str, *, is_upload: bool = True) -> int:
    """Bytes that a body may have at this path; `is_upload`: whether it is a form with files."""
    return LONGEST_UPLOAD_BYTES if is_upload and _TAKES_FILES.fullmatch(path) else LONGEST_BODY_BYTES
