"""Requests and answers for the OpenAPI document: what they look like, not what any model said of these issues."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_PROJECT_ID = "5b1f2c62-7f5b-4b53-9a0c-0d6c1a3f9f10"
_PREDICTION_ID = "650227f1-bba2-4fc7-931e-e85124c7dce6"
_BUG = {
    "project_id": _PROJECT_ID,
    "title": "Fix authentication bug",
    "description": "Users cannot login",
    "issue_type": "bug",
}
_SIMILAR = {
    "issue_id": "1f6a4b07-39a8-4c0e-8d52-0a6f5f2f7b3e",
    "key": "",
    "title": "Fix authentication of partners",
    "similarity": 0.4,
    "basis": "words",
    "actual_hours": 3.5,
    "story_points": 2.0,
}
_EFFORT: dict[str, Any] = {
    "prediction_id": _PREDICTION_ID,
    "predicted_hours": 2.3,
    "expected_hours": 3.12,
    "confidence": 0.747,
    "prediction_range": {"min": 0.95, "max": 4.79},
    "range_level": 0.8,
    "range_measured_coverage": None,
    "range_outcomes": 0,
    "method": "ml_model",
    "model_version": "1.0.0",
    "reasoning": "Learned from 612 finished issues; on the last 122 issues it was typically off by a factor of 1.6, "
    "the team's typical hours alone by a factor of 2.2.",
    "similar_issues": [_SIMILAR],
    "contributions": [
        {"name": "typical hours of the team", "effect": 5.274},
        {"name": "issue type", "effect": -0.496},
        {"name": "words of the title", "effect": -0.067},
        {"name": "no story points", "effect": -1.193},
        {"name": "further patterns (boosted trees)", "effect": -1.218},
    ],
}
_STORY = {
    "project_id": _PROJECT_ID,
    "title": "Implement user profile",
    "description": "Add user profile page",
    "issue_type": "story",
}
_POINTS: dict[str, Any] = {
    "prediction_id": _PREDICTION_ID,
    "recommended_points": 3,
    "probability_distribution": {"1": 0.1, "2": 0.2, "3": 0.45, "5": 0.2, "8": 0.05},
    "confidence": 0.85,
    "prediction_range": {"min": 1.0, "max": 5.0},
    "range_level": 0.8,
    "range_measured_coverage": None,
    "range_outcomes": 0,
    "method": "ml_model",
    "model_version": "1.0.0",
    "reasoning": "Half of comparable issues had 3 points or fewer; 85% should lie between 2 and 5. On the team's last "
    "592 issues this model missed by 1.56 points on average, the team's usual value by 2.39.",
    "similar_issues": [_SIMILAR],
    "contributions": [
        {"name": "the team's usual issue", "effect": 3.672},
        {"name": "words of the title", "effect": 0.615},
        {"name": "type", "effect": -1.187},
        {"name": "rounding to the team's scale", "effect": -0.1},
    ],
}

EFFORT_EXAMPLES = [
    OpenApiExample("A bug", value=_BUG, request_only=True),
    OpenApiExample("Its hours", value=_EFFORT, response_only=True, status_codes=["200"]),
]
POINTS_EXAMPLES = [
    OpenApiExample("A story", value=_STORY, request_only=True),
    OpenApiExample("Its points", value=_POINTS, response_only=True, status_codes=["200"]),
]
