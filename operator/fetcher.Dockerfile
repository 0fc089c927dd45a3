# The image that fetches models. The context is the repository's root:
#
#     docker build --file operator/fetcher.Dockerfile --tag fairlead-fetcher:dev .
#
# Any image with Python 3.11 or newer and its venv module can be the BASE. Both stages need the same one, since a virtual
# environment points to the interpreter that made it.
ARG BASE=docker.io/library/python:3.13.7-slim-bookworm@sha256:adafcc17694d715c905b4c7bebd96907a1fd5cf183395f0ebc4d3428bd22d92d

FROM ${BASE} AS build
USER 0
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
# pip stays out of the image: it installs from an environment of its own into the one that is kept.
RUN python3 -m venv tools && python3 -m venv --without-pip /opt/fairlead

# Without access to PyPI: a mirror, or the wheels in a folder `wheels` of the context. The hashes hold for both.
ARG PIP_INDEX_URL
ARG PIP_NO_INDEX
ENV PIP_FIND_LINKS=/build/wheels
COPY requirements-fetch.lock wheel[s] wheels/
RUN tools/bin/pip --python /opt/fairlead/bin/python install --only-binary=:all: --require-hashes \
        -r wheels/requirements-fetch.lock
# Only this package of the project: the operator is another image.
COPY operator/fairlead_fetch fairlead_fetch
RUN cp -r fairlead_fetch /opt/fairlead/lib/python3*/site-packages/ \
    # The root file system is read-only later on, so this is the one chance to compile; hashes, since times differ by build.
    && /opt/fairlead/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/fairlead/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="Fairlead's fetcher" \
      org.opencontainers.image.description="Fetches models from registries, hubs and buckets into a volume" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/fairlead /opt/fairlead
# Libraries look for a home, and /etc/passwd knows neither 65532 nor whatever user a cluster assigns.
ENV PATH=/opt/fairlead/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    USER=fairlead
WORKDIR /
USER 65532:65532
ENTRYPOINT ["python", "-m", "fairlead_fetch"]
