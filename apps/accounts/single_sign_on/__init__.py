"""Logging in at somebody else's door: OpenID Connect, by mozilla-django-oidc.

Off unless `OIDC_ISSUER` is set; off, only `urls` of this package is loaded, and the library is not.
"""
