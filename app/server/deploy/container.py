"""A recipe for a container image, and a compose file with PostgreSQL and nginx around it."""

from string import Template

from app.server.deploy.resources import resources

USER = 10001
"""The user's id in the image; files that the service reads have to be readable for it."""

_RECIPE = Template("""\
# chargecloud in a container. Make a folder with what it needs, and build there:
#   python3 -m pip wheel --no-deps --wheel-dir container ./.packaging
#   cp .requirements.lock container/requirements.lock
#   chargecloud deploy container > container/Dockerfile
#   docker build --tag chargecloud container
FROM ${base} AS build
WORKDIR /build
RUN python3 -m venv /opt/chargecloud
COPY requirements.lock /build/
RUN /opt/chargecloud/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY chargecloud-*.whl /build/
RUN /opt/chargecloud/bin/pip install --no-cache-dir --no-deps --no-index chargecloud-*.whl
RUN /opt/chargecloud/bin/pip uninstall --yes pip

FROM ${base}
RUN useradd --uid ${user} --user-group --no-create-home --shell /usr/sbin/nologin chargecloud
RUN install --directory --owner ${user} --group ${user} --mode 0700 /var/lib/chargecloud
COPY --from=build /opt/chargecloud /opt/chargecloud
ENV PATH=/opt/chargecloud/bin:/usr/local/bin:/usr/bin:/bin
ENV PYTHONDONTWRITEBYTECODE=1
ENV CHARGECLOUD_DATABASE_URL=sqlite:////var/lib/chargecloud/chargecloud.sqlite
USER ${user}:${user}
WORKDIR /var/lib/chargecloud
# The root may be read-only: only this folder and /tmp are written.
VOLUME /var/lib/chargecloud
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python3", "-c", "${check}"]
# Without a shell in between, the server is process 1 and gets the signals.
ENTRYPOINT ["chargecloud"]
CMD ["serve", "--bind", "0.0.0.0:8000"]
""")

# Not by urllib, which would use a proxy of the environment.
_CHECK = (
    "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=2); "
    "c.request('GET', os.environ.get('CHARGECLOUD_BASE_PATH', '').rstrip('/') + '/healthz'); "
    "sys.exit(c.getresponse().status != 200)"
)

_COMPOSE = Template("""\
# chargecloud with PostgreSQL and nginx. Save as compose.yaml beside the Dockerfile, and:
#   chargecloud deploy nginx --name api.example --upstream chargecloud:8000 \\
#     --certificate /run/secrets/certificate --key /run/secrets/key > nginx.conf
#   a password into the file database_password, and
#   postgresql://chargecloud:PASSWORD@database/charges into database_url, for user ${user} to read;
#   certificate.pem and key.pem of the service's name; docker compose up --build
services:
  database:
    image: docker.io/library/postgres:17
    environment:
      POSTGRES_DB: charges
      POSTGRES_USER: chargecloud
      POSTGRES_PASSWORD_FILE: /run/secrets/database_password
    secrets: [database_password]
    volumes: ["database:/var/lib/postgresql/data"]
    networks: [inside]
    healthcheck:
      test: [CMD, pg_isready, --username=chargecloud, --dbname=charges]
      interval: 5s
    restart: unless-stopped

  chargecloud:
    build: .
    command: [serve, --bind, "0.0.0.0:8000", --workers, "${workers}"]
    environment:
      CHARGECLOUD_DATABASE_URL_FILE: /run/secrets/database_url
      CHARGECLOUD_PROXY_HOPS: "1"
    secrets: [database_url]
    depends_on:
      database: {condition: service_healthy}
    networks: [inside]
    read_only: true
    tmpfs: [/tmp]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    # For the workers, threads and connections of the command.
    pids_limit: ${tasks}
    mem_limit: ${megabytes}m
    ulimits: {nofile: ${descriptors}}
    # Longer than a stopping server waits for what it has begun.
    stop_grace_period: 40s
    restart: unless-stopped

  nginx:
    image: docker.io/library/nginx:1.28
    ports: ["443:443"]
    volumes: ["./nginx.conf:/etc/nginx/conf.d/default.conf:ro"]
    secrets: [certificate, key]
    depends_on:
      chargecloud: {condition: service_healthy}
    networks: [inside, outside]
    restart: unless-stopped

networks:
  inside: {internal: true}
  outside: {}

volumes:
  database: {}

secrets:
  database_password: {file: ./database_password}
  database_url: {file: ./database_url}
  certificate: {file: ./certificate.pem}
  key: {file: ./key.pem}
""")


def recipe(base: str) -> str:
    """Return the recipe for an image on a base that has Python with venv."""
    return _RECIPE.substitute(base=base, user=USER, check=_CHECK)


def compose(workers: int) -> str:
    """Return the compose file for a service of so many workers."""
    limits = resources("gunicorn", workers, None)
    return _COMPOSE.substitute(limits._asdict(), user=USER, workers=workers)
