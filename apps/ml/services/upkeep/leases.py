"""Whether another database uses the store under this one's name: a copy that somebody made with tools of their own.

Both have one installation id, so that each would take the other's objects for its own. So the database leaves a word in
the store every hour and remembers its own: a word that it does not know is a copy's. Whoever finds one takes another
name.
"""

import logging
import re
from uuid import uuid4

from django.db import transaction

from apps.ml.models import Installation
from apps.ml.services.upkeep.installation import become_another, installation
from apps.ml.services.upkeep.recorded import index_keys, known_keys
from apps.ml.storage import get_object_store
from apps.ml.storage.keys import LEASES
from apps.ml.storage.marks import mark

logger = logging.getLogger(__name__)

#: Of an hour each, and only the newest ones can still lie in the store.
KEPT_WORDS = 48
_WORD = re.compile(r"[0-9a-f]{32}")


def renew_lease() -> bool:
    """Leave a word in the store; True if one of a copy lay there, and this is another installation from now on.

    Raises
    ------
    StorageError
        If the store cannot be used.
    """
    store = get_object_store()
    folder = f"{LEASES}/{installation().identifier}"
    # First the store and then the row, in which a word stands before it lies in the store.
    lying = {key for found in store.list(folder) if _WORD.fullmatch(key := found.key.rpartition("/")[2])}
    is_copied = bool(lying - set(installation().words))
    if is_copied:
        us = become_another()
        mark(store, us, *sorted(known_keys() | index_keys()))
        logger.warning(
            "Another database uses the model store under this one's name: one is a copy of the other. From now on this "
            "one is installation %s, and what both hold is removed by neither alone.",
            us,
        )
        folder, lying = f"{LEASES}/{us}", set()
    word = uuid4().hex
    with transaction.atomic():
        row = Installation.objects.select_for_update().get(pk=1)
        row.words = [*row.words, word][-KEPT_WORDS:]
        row.save(update_fields=["words"])
    store.put(f"{folder}/{word}", b"")
    for each in lying:
        store.delete(f"{folder}/{each}")
    return is_copied
