"""Models in memory before anybody asks."""

import logging
import threading

from django.db import DatabaseError, connections

from apps.ml.selectors.registry import latest_active
from apps.ml.services.model_loader import ModelLoader

logger = logging.getLogger(__name__)

#: A few seconds of loading at most; what is asked of others loads with their first question. The cache bounds bytes.
MOST_WARMED = 50


def warm_beside() -> None:
    """Load models in a thread of their own: whoever asks first waits no longer than without."""
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
    """Load the models that serve, the latest first."""
    loader = ModelLoader()
    ready = [loader.load_active_model(kind, project_id) is not None for kind, project_id in latest_active(MOST_WARMED)]
    logger.info("Models loaded at start-up ready=%d of=%d", sum(ready), len(ready))
