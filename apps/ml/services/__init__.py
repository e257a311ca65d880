"""The shell around the core: I/O, transactions, logging, metrics."""

from apps.ml.services.anomaly_service import AnomalyDetectionService
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.model_trainer import ModelTrainer
from apps.ml.services.prediction_service import PredictionService
from apps.ml.services.recommendation_service import RecommendationService
from apps.ml.storage.s3 import S3ModelStorageService

__all__ = [
    "AnomalyDetectionService",
    "ModelLoader",
    "ModelTrainer",
    "PredictionService",
    "RecommendationService",
    "S3ModelStorageService",
]
