# qooerp-scheduler in one image. Journal, logs and the embedded PostgreSQL are kept in /data.
#
#   docker build -t qooerp-scheduler .
#   docker run --init --stop-timeout 90 -v qooerp-data:/data -p 9999:9999 -p 8100:8100 --env-file service.env qooerp-scheduler
#
# --init ends what programs leave behind that handlers in threads or async ones start; as process 1 the service would not.
# --stop-timeout is more than executor.drain_seconds (35) and executor.stop_grace_seconds (30) together: after Docker's own
# 10 s runs would be killed instead of ended and reported. service.env sets, a line each and without quotes around values:
#
#   QOOERP_ADMIN__ADDRESSES=http://10.0.0.1:8080/xxl-job-admin
#   QOOERP_EXECUTOR__ACCESS_TOKEN=…                  the Admin's; without one the service refuses to start, as it
#                                                    listens on all of the container's addresses
#   QOOERP_EXECUTOR__ADDRESS=http://10.0.0.7:9999    the URL under which Admins reach the container
#   QOOERP_SCHEDULER__HOST=0.0.0.0                   for the REST API: without these two it listens within the
#   QOOERP_SCHEDULER__TOKENS=[{"name": "ops", "role": "admin", "token": "…"}]    container only, and 8100 answers nobody

FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev
WORKDIR /src
COPY requirements.lock requirements-run.lock ./
RUN python -m venv /build && /build/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
RUN python -m venv /app && /app/bin/pip install --no-cache-dir --require-hashes -r requirements-run.lock
COPY . .
# the run path compiled, as by `make wheel` (ADR 0015)
RUN HATCH_BUILD_HOOK_ENABLE_MYPYC=1 /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
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
