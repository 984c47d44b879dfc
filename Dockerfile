# Build stage: Python packages, styles, translations, static files. The final image has no compiler,
# no Node and no test tools.
FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv /app/.venv
COPY requirements.txt requirements-dev.txt requirements-uv.txt requirements-node.txt ./
RUN .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
# What only the build needs lives apart, so that it stays here.
RUN python -m venv /tools && /tools/bin/pip install --no-cache-dir --require-hashes \
    -r requirements-dev.txt
COPY . .
RUN /tools/bin/python scripts/build_assets.py \
    && /tools/bin/python scripts/compile_messages.py \
    && LICSYNC_VAR_DIR=/tmp/build .venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && rm -rf node_modules tests sandbox scripts requirements-*.txt

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin licsync \
    && install -d -o licsync -g licsync -m 700 /var/lib/licsync
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LICSYNC_VAR_DIR=/var/lib/licsync
USER licsync
VOLUME /var/lib/licsync
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Alone: the embedded mode, everything in one container and one volume.
CMD ["python", "manage.py", "up", "0.0.0.0:8000"]
