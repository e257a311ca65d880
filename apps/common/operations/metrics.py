"""Counters and timers, in the Prometheus client's registry; label values are few and never texts or people.

`docs/operations.md` lists them; the dashboard and the alerts in `deploy/` use them, and a test holds the names equal.
"""

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
INDEX_READS = Counter(
    "scrum_ml_index_reads", "Indexes of issues' texts that a process looked for in the store.", ["outcome"]
)
TRAININGS = Counter("scrum_ml_trainings", "Trainings that ended.", ["type", "outcome"])
DELIVERIES = Counter("scrum_ml_deliveries", "Tries to send an e-mail or webhook that ended.", ["channel", "result"])
IMPORTS = Counter("scrum_ml_imports", "Imports that a worker ended, of files and trackers.", ["kind", "result"])
FAILED_REQUESTS = Counter("scrum_ml_failed_requests", "Requests answered with a 5xx status.", ["endpoint"])
SWEEP_FAULTS = Counter(
    "scrum_ml_sweep_faults", "Rows and steps of a task of the clock that could not be done.", ["sweep"]
)

#: What a scrape finds out by itself, told by `scrape.py`: name → help.
SCRAPE_GAUGES: dict[str, str] = {
    "scrum_ml_live_metrics_up": "1 if the database answered this scrape.",
    "scrum_ml_counters_kept": "1 if what is counted for the first time finds room in METRICS_DIR.",
}
#: What the database knows, asked at scrape time by `apps/ml/live_metrics.py`: name → (help, labels).
LIVE_GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "scrum_ml_model_age_seconds": ("Time since the active model was trained.", ("type", "project")),
    "scrum_ml_active_models": ("Active models.", ("type",)),
    "scrum_ml_live_outcomes": ("Predictions of the last 30 days whose outcome is known.", ("type", "project")),
    "scrum_ml_live_mae": ("Mean absolute error of those, in hours or points.", ("type", "project")),
    "scrum_ml_live_rmse": ("Their root mean squared error, in hours or points.", ("type", "project")),
    "scrum_ml_live_coverage_ratio": ("Share of outcomes inside the predicted range.", ("type", "project")),
    "scrum_ml_live_nominal_coverage_ratio": ("Share of outcomes that the ranges promised.", ("type", "project")),
}
#: The same, by `apps/notifications/live_metrics.py`.
OUTBOX_GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "scrum_ml_outbox_overdue_seconds": ("How long the oldest delivery that is due has found no worker.", ()),
}
#: The same, by `apps/importers/telling/out_of_step.py`.
IMPORT_GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "scrum_ml_connections_out_of_step": ("Connections to trackers whose imports have failed for a day.", ()),
}
