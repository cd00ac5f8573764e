# Facsim's core and the extra `web`, for the command line:
#   docker build -t facsim .
#   docker run --rm --user "$(id -u)" -v "$PWD:/work" facsim shop sample --out data/shop
# For local models and training: docker build --build-arg EXTRAS=web,local,train -t facsim .
FROM python:3.12-slim

# LightGBM needs OpenMP at run time. Its version is that of the base image's Debian.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

ARG EXTRAS=web
WORKDIR /opt/facsim
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
# The versions are those that pyproject.toml allows.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir ".[${EXTRAS}]"

# Any user id works: caches go to /tmp, results to the mounted folder.
ENV HOME=/tmp
USER 1000
WORKDIR /work
ENTRYPOINT ["facsim"]
CMD ["--help"]
