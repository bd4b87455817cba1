FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
# requirements-otel.txt adds what OTEL_EXPORTER_OTLP_ENDPOINT needs.
ARG REQUIREMENTS=requirements.txt
COPY requirements*.txt ./
# Wheels only: what the lock names is what runs, and no build script of a dependency does.
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: --requirement $REQUIREMENTS

FROM python:3.11-slim
ARG VERSION=unreleased
LABEL org.opencontainers.image.title=gamification org.opencontainers.image.version=$VERSION
RUN useradd --system --uid 10001 --no-create-home --home-dir /app gamification
# Production, which refuses to start with what is for development only.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 APP_ENV=production
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY . .
# Production's static files, hashed and compressed; the other values only let production's settings load for this step.
RUN SECRET_KEY=only-to-collect-the-static-files-of-this-image ALLOWED_HOSTS=none DB_HOST=none \
    python manage.py collectstatic --no-input --verbosity 0
# Reads its own code and writes nowhere.
USER gamification
EXPOSE 3000
# Of the web process; workers and beat are asked at their METRICS_PORT (docker-compose.yml).
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:3000/healthz', timeout=4)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0"]
