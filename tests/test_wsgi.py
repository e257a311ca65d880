"""What gunicorn calls."""

import io

import pytest
from django.test import RequestFactory

from base.wsgi import application


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["rot13", "idna", "no-such-charset", "utf-16"])
def test_a_strange_charset_of_the_body_is_ignored_as_json_is_utf_8(charset):
    environ = RequestFactory()._base_environ(
        REQUEST_METHOD="POST", PATH_INFO="/api/v1/auth/token/", QUERY_STRING="q=%C3%A4"
    )
    environ |= {"CONTENT_TYPE": f"application/json; charset={charset}", "wsgi.input": io.BytesIO(b"{}")}
    environ["CONTENT_LENGTH"] = "2"
    answered = []

    application(environ, lambda status, headers: answered.append(status))

    assert answered == ["400 Bad Request"]
