"""What gunicorn serves."""

import ctypes
import gc
import os

from django.core.wsgi import get_wsgi_application

from apps.common.operations.slips import refuse_slips
from apps.ml.storage import load_what_a_bucket_needs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
# What is loaded here stays: to look through it for garbage time and again takes a tenth of the start.
gc.disable()
application = get_wsgi_application()
refuse_slips()
load_what_a_bucket_needs()
# ... and never again: workers are forked from here, and what nobody writes to stays shared between them.
gc.freeze()
# Of 500 answers forty thousand objects are alive at once, none of which is garbage: Python would look through the young
# ones after every 700, and time and again through all that is remembered of projects, a tenth of the time of a request.
gc.set_threshold(30_000)
gc.enable()
# Arrays of a hundred answers are made and freed time and again. The C library would ask the system for each anew, page
# by page, and give it back at once: a tenth of the time of such answers. (-1 and -3 are M_TRIM_THRESHOLD and
# M_MMAP_THRESHOLD; other libraries than GNU's have no such function.)
if hasattr(_c := ctypes.CDLL(None), "mallopt"):
    _c.mallopt(-1, 8 * 2**20)
    _c.mallopt(-3, 2**20)
