# One image for every process: compose says which one a container runs.

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv python3-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /build/venv && /build/venv/bin/pip install --no-cache-dir "maturin>=1.16,<2"
WORKDIR /build/src
COPY . .
RUN /build/venv/bin/maturin build --release --locked --out /build/wheels

FROM python:3.11-slim-bookworm
COPY --from=build /build/wheels /tmp/wheels
RUN pip install --no-cache-dir /tmp/wheels/*.whl && rm -rf /tmp/wheels
COPY models /app/models
ENV PLATEHOST_PACK=/app/models/default \
    PYTHONUNBUFFERED=1
RUN useradd --system --no-create-home platehost
USER platehost
WORKDIR /app
EXPOSE 8080 9108
CMD ["python", "-m", "web"]
