"""A provider of single sign-on that vouches for Ada."""

import pytest

from apps.accounts.models import User
from apps.accounts.single_sign_on import provider as provider_module
from apps.accounts.tests.factories import UserFactory
from apps.accounts.tests.provider import CLIENT_ID, CLIENT_SECRET, TestProvider, running_provider

ADA = {"email": "Ada@Example.com", "email_verified": True, "name": "Ada \u202eLovelace"}


@pytest.fixture(scope="module")
def server():
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(server, settings) -> TestProvider:
    server.forget()
    server.person = dict(ADA)
    provider_module._kept.clear()
    provider_module._silent_until.clear()
    settings.OIDC_ISSUER, settings.OIDC_NAME = server.issuer, "Log in with <Example>"
    settings.OIDC_RP_CLIENT_ID, settings.OIDC_RP_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
    settings.AUTHENTICATION_BACKENDS = [
        *settings.AUTHENTICATION_BACKENDS,
        "apps.accounts.single_sign_on.backend.SingleSignOn",
    ]
    settings.AXES_ENABLED = True
    return server


@pytest.fixture
def ada() -> User:
    return UserFactory(email="ada@example.com", full_name="Ada")
