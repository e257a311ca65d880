"""The OpenAPI document as it is served, for programs and for people. What the library does not check is refused."""

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, as YAML or JSON; not its own `version` and `lang`."""

    query_parameters = ("format",)


class DocsView(SpectacularSwaggerSplitView):
    """The page that shows it; its script comes from the same address, by the parameter `script`."""

    query_parameters = ("script",)
