"""Counters and timers, in the Prometheus client's registry; label values are few and never texts or people."""

from prometheus_client import Counter, Histogram

PREDICTIONS = Counter("scrum_ml_predictions", "Predictions answered.", ["type", "method"])
FALLBACKS = Counter(
    "scrum_ml_fallbacks", "Predictions that a model should have answered and could not.", ["type", "reason"]
)
PREDICTION_SECONDS = Histogram(
    "scrum_ml_prediction_seconds",
    "Time from features to answer.",
    ["type", "method"],
    buckets=(0.0005, 0.001, 0.0015, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5),
)
STORE_SECONDS = Histogram("scrum_ml_store_seconds", "Time of one call to the model store.", ["operation", "engine"])
STORE_FAILURES = Counter("scrum_ml_store_failures", "Calls to the model store that failed.", ["operation", "engine"])
CACHE_LOOKUPS = Counter("scrum_ml_model_cache_lookups", "Model cache lookups.", ["outcome"])
TRAININGS = Counter("scrum_ml_trainings", "Trainings that ended.", ["type", "outcome"])
