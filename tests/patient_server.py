"""A small server on `PatientWorker` for `test_slow_clients.py`: gunicorn's configuration and its application in one."""

import json
import os
import resource
import time

from gunicorn.workers import gthread

from base import answers, arriving, patient

limits = json.loads(os.environ["PATIENT"])
bind = "127.0.0.1:0"
workers, threads, keepalive = limits.pop("workers", 1), 2, 30
graceful_timeout = limits.pop("graceful_timeout", 1)
worker_connections = limits.pop("worker_connections", 1_000)
sendfile = False
if files := limits.pop("open_files", None):
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
for name, value in limits.items():
    for module in (answers, arriving, gthread, patient):
        if hasattr(module, name):
            setattr(module, name, value)
worker_class = "base.patient.PatientWorker"
wsgi_app = "tests.patient_server:application"
control_socket_disable = True


def when_ready(server):
    print(server.LISTENERS[0].getsockname()[1], flush=True)


def application(environ, start_response):
    """How many bytes came, and of which path; /pid: which process answers; /held waits for the file that it names.

    /large answers with as many bytes as its query says.
    """
    while environ["PATH_INFO"] == "/held" and not os.path.exists(environ["QUERY_STRING"]):
        time.sleep(0.01)
    size = os.getpid() if environ["PATH_INFO"] == "/pid" else len(environ["wsgi.input"].read())
    ending = b"x" * int(environ["QUERY_STRING"]) if environ["PATH_INFO"] == "/large" else b""
    body = ending + f"{environ['PATH_INFO']} {size}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
