"""What the books of a sprint have judged is open again where these books are: the next end judges it anew."""

import logging
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.ml.models import PredictionHistory
from apps.ml.services.evaluation.judging import BATCH_ROWS, BY_BOOKS, REASONS_OF_BOOKS

logger = logging.getLogger(__name__)
#: What a judgement leaves in the details of an answer.
_KEPT_BY_JUDGES = ("unscored", "at_least_so_long")


@transaction.atomic
def open_outcomes(sprint_id: UUID) -> int:
    """Answers about a sprint whose books have just been taken away wait for its next end; how many.

    Called in the transaction that takes them. Who judges holds the books (`held_books`), so all that was judged by
    them is seen here. Answers that were removed for age stay in their sums.
    """
    is_judged = Q(actual_value__isnull=False) | Q(details__unscored__in=REASONS_OF_BOOKS)
    judged = (
        PredictionHistory.objects.filter(is_judged, sprint=sprint_id, prediction_type__in=BY_BOOKS)
        .order_by("id")
        .defer("input")
    )
    opened = 0
    while rows := list(judged.select_for_update()[:BATCH_ROWS]):
        for row in rows:
            row.actual_value = row.scored_at = None
            row.details = {name: value for name, value in row.details.items() if name not in _KEPT_BY_JUDGES}
        opened += PredictionHistory.objects.bulk_update(rows, ["actual_value", "scored_at", "details"])
    if opened:
        logger.info("Outcomes taken back with the books of their sprint predictions=%d sprint=%s", opened, sprint_id)
    return opened
