# qooerp-scheduler in one image. Journal, logs and the embedded PostgreSQL are kept in /data.
#
#   docker build -t qooerp-scheduler .
#   docker run -v qooerp-data:/data -p 9999:9999 -p 8100:8100 --env-file service.env qooerp-scheduler
#
# where service.env sets QOOERP_EXECUTOR__ACCESS_TOKEN, QOOERP_EXECUTOR__ADDRESS (the URL under which
# Admins reach the container) and QOOERP_ADMIN__ADDRESSES. The service refuses to start without a token,
# as it listens on all of the container's addresses.

FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock requirements-run.lock ./
RUN python -m venv /build && /build/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
RUN python -m venv /app && /app/bin/pip install --no-cache-dir --require-hashes -r requirements-run.lock
COPY . .
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && /app/bin/pip install --no-cache-dir --no-deps /dist/*.whl

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin qooerp \
 && install -d -o qooerp -g qooerp -m 0700 /data
COPY --from=build /app /app
USER qooerp
WORKDIR /home/qooerp
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    QOOERP_DATA_DIR=/data \
    QOOERP_EXECUTOR__HOST=0.0.0.0 \
    QOOERP_LOGGING__FORMAT=json
VOLUME /data
EXPOSE 9999 8100
STOPSIGNAL SIGTERM
# any answer will do: without the token it is a refusal, but it comes from the executor's own loop
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", "\
import os, urllib.request as http; \
port = os.environ.get('QOOERP_EXECUTOR__PORT', '9999'); \
http.urlopen(http.Request(f'http://127.0.0.1:{port}/beat', data=b''), timeout=4)"]
ENTRYPOINT ["qooerp-scheduler"]
CMD ["serve"]
