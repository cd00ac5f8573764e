# Facsim's core and the extra `web`, for the command line:
#   docker build -t facsim .
#   docker run --rm -v "$PWD:/work" facsim shop sample --out data/shop
#   docker run --rm -v "$PWD:/work" facsim evaluate data/shop choice --out runs
# For local models and training: docker build --build-arg EXTRAS=web,local,train -t facsim .
FROM python:3.12-slim

# LightGBM needs OpenMP at run time.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

ARG EXTRAS=web
WORKDIR /opt/facsim
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip install --no-cache-dir ".[${EXTRAS}]" \
    && useradd --create-home facsim

USER facsim
WORKDIR /work
ENTRYPOINT ["facsim"]
CMD ["--help"]
