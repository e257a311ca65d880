# One image; web, worker and beat differ by their command. How to run it: docs/operations.md.
FROM python:3.11.14-slim-bookworm

# One thread for the numerical libraries: processes are the parallelism, and threads below them only fight.
ENV PYTHONUNBUFFERED=1 \
    PYTHONPATH=/app \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    SCRUM_ML_VAR_DIR=/var/lib/scrum-ml

RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/scrum-ml --shell /usr/sbin/nologin scrum-ml \
    && mkdir --mode=0700 /run/scrum-ml \
    && chown scrum-ml /run/scrum-ml

WORKDIR /app
COPY requirements.txt .
# Nothing is built here, so nothing needs a compiler; the lock names all there is; pip byte-compiles what it installs.
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --no-deps --require-hashes -r requirements.txt

COPY manage.py NOTICE ./
COPY base base
COPY apps apps
# Compiled once, since the user below cannot write here.
RUN python -m compileall -q -j 0 base apps

USER scrum-ml
VOLUME /var/lib/scrum-ml
EXPOSE 8000
# Alive, not ready: a restart does not bring a database back.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
CMD ["gunicorn", "--config", "base/gunicorn_conf.py", "--bind", "0.0.0.0:8000"]
