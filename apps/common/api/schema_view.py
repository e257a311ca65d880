"""The OpenAPI document as it is served."""

from drf_spectacular.views import SpectacularAPIView


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, as YAML or JSON. Its own `version` and `lang`, which it does not check, are refused."""

    query_parameters = ("format",)
