# The server with everything it needs; data in /data. `compose.yaml` runs it together with MySQL.
#
# The base image is a build argument, so that it can be pinned to the digest that was tested:
#   docker buildx imagetools inspect python:3.11-slim      # shows the digest
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim@sha256:… .
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE} AS build
ARG PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements requirements
RUN python -m venv /opt/aimo \
 && /opt/aimo/bin/pip install --require-hashes -r requirements/runtime.txt
# What builds the project is hashed, too, and stays out of the image that runs.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/aimo/bin/pip install --no-deps --no-index /wheels/*.whl

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin aimo \
 && install -d -m 700 -o aimo -g aimo /data
COPY --from=build /opt/aimo /opt/aimo
ENV PATH=/opt/aimo/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=3000 \
    AIMO_DATA_DIR=/data \
    NODE_ENV=production
# Besides /data only /tmp is written to: `docker run --read-only --tmpfs /tmp`.
USER aimo
WORKDIR /data
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["aimo", "serve"]
