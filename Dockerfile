# The server with everything it needs; data in /data. `compose.yaml` runs it together with MySQL.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements requirements
RUN python -m venv /opt/aimo \
 && /opt/aimo/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/aimo/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin aimo \
 && install -d -m 700 -o aimo -g aimo /data
COPY --from=build /opt/aimo /opt/aimo
ENV PATH=/opt/aimo/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=3000 \
    AIMO_DATA_DIR=/data \
    NODE_ENV=production
USER aimo
WORKDIR /data
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["aimo", "serve"]
