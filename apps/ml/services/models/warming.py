"""Models and the work that answers are compared with in memory before anybody asks."""

import logging
import threading

from django.db import DatabaseError, connections

from apps.common.operations.database_faults import by_itself
from apps.ml.selectors.registry import latest_active
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.similar.finished_work import FINISHED_WORK
from apps.ml.services.similar.issue_texts import ISSUE_TEXTS

logger = logging.getLogger(__name__)

#: A few seconds of loading at most; what is asked of others loads with their first question. The cache bounds bytes.
MOST_WARMED = 50
#: Projects whose finished work is indexed: seconds for each of the largest, in a thread that nobody waits for.
MOST_INDEXED = 10


def warm_beside() -> None:
    """Load all of it in a thread of their own: whoever asks first waits no longer than without."""
    threading.Thread(target=_warm, name="warm-cache", daemon=True).start()


def _warm() -> None:
    try:
        warm_cache()
    except DatabaseError as error:
        # The first question asks again, and tells whoever asked it.
        logger.warning("No models are loaded at start-up error=%s", type(error).__name__)
    finally:
        connections.close_all()


def warm_cache() -> None:
    """Load the models that serve, the latest first, and index the finished work of their projects."""
    loader, latest = ModelLoader(), list(latest_active(MOST_WARMED))
    ready = [loader.load_active_model(kind, project_id) is not None for kind, project_id in latest]
    logger.info("Models loaded at start-up ready=%d of=%d", sum(ready), len(ready))
    projects = dict.fromkeys(project_id for _, project_id in latest if project_id is not None)
    for project_id in list(projects)[:MOST_INDEXED]:
        with by_itself("warm_cache", project_id):
            FINISHED_WORK.of_project(project_id)
            ISSUE_TEXTS.of_project(project_id)
