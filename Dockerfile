# The bot as an image. compose.yaml starts it beside PostgreSQL; docs/trust.md says how.
# The base is pinned by version only. Whoever builds for production adds the digest that their registry shows.

FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

RUN python -m venv /opt/esafety
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY appPackage appPackage
COPY bot bot
COPY cards cards
COPY domain domain
COPY handlers handlers
COPY policies policies
COPY storage storage
# Every dependency has a wheel for this base, so no compiler is needed: one that has none should fail here.
RUN /opt/esafety/bin/pip install --only-binary=:all: .


FROM python:3.11-slim-bookworm

RUN groupadd --gid 10001 esafety \
 && useradd --uid 10001 --gid esafety --home-dir /var/lib/esafety --create-home --shell /usr/sbin/nologin esafety \
 && install --directory --owner=esafety --group=esafety --mode=0700 /var/lib/esafety/data

COPY --from=build /opt/esafety /opt/esafety

# HOST: the network inside the container, whose ports are published by whoever starts it. The console is never served there.
ENV PATH=/opt/esafety/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=3978 \
    ESAFETY_CONSOLE=off \
    ESAFETY_SCHOOLS=/etc/esafety/schools

# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
# Relative paths, such as that of the SQLite file, begin here.
WORKDIR /var/lib/esafety
VOLUME ["/var/lib/esafety/data"]
EXPOSE 3978

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz', timeout=4)"]

CMD ["esafety", "run"]
