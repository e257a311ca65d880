"""To the provider and back; state, nonce and code verifier wait in the session."""

import logging

from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import UpdateError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext as _
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from apps.accounts.single_sign_on.provider import ProviderBusy, ProviderFault, addresses, one_of_few, setting

logger = logging.getLogger(__name__)

#: Providers let somebody in within that time, as a rule.
AGAIN_SECONDS = "1"
#: Of who is sent away and does not come back: as long as providers wait for a password. Anybody may be sent, and each
#: leaves a row, which else stays for as long as a log-in.
AWAY_SECONDS = 900


class Away(OIDCAuthenticationRequestView):  # type: ignore[misc] # it has no types
    """Send the browser to the provider, with a state, a nonce and a challenge."""

    get_settings = staticmethod(setting)

    @classmethod
    def as_view(cls, **initkwargs: object) -> object:
        """A view that says where the provider is away."""
        answer = super().as_view(**initkwargs)

        def asked(request: HttpRequest) -> HttpResponse:
            try:
                addresses()
            except ProviderBusy:
                return _again()
            except ProviderFault as fault:
                logger.warning("Single sign-on leads nowhere: %s", fault)
                return _refused(request)
            response: HttpResponse = answer(request)
            return response

        return asked

    def get(self, request: HttpRequest) -> HttpResponse:
        """The library puts a ? behind an address that may have one already (RFC 6749, 3.1)."""
        if not request.user.is_authenticated:
            request.session.set_expiry(AWAY_SECONDS)
        answer: HttpResponse = super().get(request)
        there = iri_to_uri(self.OIDC_OP_AUTH_ENDPOINT) or ""
        if "?" in there:
            answer["Location"] = f"{there}&{answer['Location'].removeprefix(f'{there}?')}"
        return answer


@receiver(user_logged_in)
def _stays(request: HttpRequest | None, **_: object) -> None:
    """Whoever is in, in whichever way in the end, has a session as long as any."""
    if request is not None:
        request.session.set_expiry(None)


class Back(OIDCAuthenticationCallbackView):  # type: ignore[misc] # it has no types
    """Let in whom the provider vouches for."""

    get_settings = staticmethod(setting)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Take the provider's answer to a question of this browser; a link on any other site is none, and ends none."""
        asked = request.GET.get("state") in request.session.get("oidc_states", {})
        if request.GET.get("error") and not asked:
            return self.login_failure()
        # A place first: state and code serve once, and whoever finds none comes again with the same.
        try:
            addresses()
            with one_of_few():
                answer: HttpResponse = super().get(request)
        except ProviderBusy:
            return _again()
        except ProviderFault as fault:
            logger.warning("Nobody was let in by single sign-on: %s", fault)
            return self.login_failure()
        except UpdateError:
            # The session ended meanwhile: in another window, or by a new password.
            request.session.flush()
            return self.login_failure()
        return answer

    def login_failure(self) -> HttpResponse:
        return _refused(self.request)


def _again() -> HttpResponse:
    """A moment's wait: the browser asks for the same address again by itself."""
    told = _("Others are just being let in. This page goes on by itself.")
    headers = {"Refresh": AGAIN_SECONDS, "Retry-After": AGAIN_SECONDS}
    return HttpResponse(told, status=503, content_type="text/plain; charset=utf-8", headers=headers)


def _refused(request: HttpRequest) -> HttpResponse:
    """One sentence for every reason, so that nobody learns which accounts there are; the log knows more."""
    messages.error(request, _("Single sign-on did not work. Try again, or ask whoever runs this service."))
    return redirect("dashboard:login")
