"""A certificate for a name that exists nowhere; its key is public, here, and proves nothing. Good for a century."""

import ssl
import tempfile

NAME = "receiver.example"
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBuzCCAWGgAwIBAgIUHYfWpLg+wE8aMAmzHXahxsjeWSowCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQcmVjZWl2ZXIuZXhhbXBsZTAgFw0yNjExMjgxMDE4MTdaGA8y
MTI2MTEwNDEwMTgxN1owGzEZMBcGA1UEAwwQcmVjZWl2ZXIuZXhhbXBsZTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABH87uhZGjzxM8IGETBF/f5gFymRKxUQdBAd0
IcNNXU5yJ1k/WkpzIecijWLDPBIATMfjW1c1PepiXf1xwXHfhBajgYAwfjAdBgNV
HQ4EFgQUCik6MNaOAgbFMm54WJDlL/TZXtIwHwYDVR0jBBgwFoAUCik6MNaOAgbF
Mm54WJDlL/TZXtIwGwYDVR0RBBQwEoIQcmVjZWl2ZXIuZXhhbXBsZTAPBgNVHRMB
Af8EBTADAQH/MA4GA1UdDwEB/wQEAwIChDAKBggqhkjOPQQDAgNIADBFAiBS5TEa
ughyBE+2vK938TAg1v75gGG1KaKd6kuqVjcMHAIhAL934vzK57fWS7/oEsEM3Une
kYq+Ier4SrFqGzM+zYdL
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgilJkBAySNuRRNaQA
1SYtzyKUDBQhhyzbCwRU3kYoE6qhRANCAAR/O7oWRo88TPCBhEwRf3+YBcpkSsVE
HQQHdCHDTV1OcidZP1pKcyHnIo1iwzwSAEzH41tXNT3qYl39ccFx34QW
-----END PRIVATE KEY-----
"""


def server_context() -> ssl.SSLContext:
    """A server that shows the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(CERTIFICATE + KEY)
        file.flush()
        context.load_cert_chain(file.name)
    return context
