# A throw-away PostgreSQL server: postgres_start sets POSTGRES_URL, postgres_stop removes all of it.
# With a folder, postgres_start serves what is in it and postgres_stop leaves it there.

postgres_bin() {
    local newest
    newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    if [ -z "$newest" ]; then
        local sudo=""
        [ "$(id -u)" = 0 ] || sudo=sudo
        $sudo apt-get update -qq
        DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq postgresql >/dev/null
        newest=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    fi
    printf '%s' "$newest"
}

# initdb and postgres refuse to run as root, so root becomes the user postgres.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        runuser -u postgres -- "$@"
    else
        "$@"
    fi
}

postgres_start() {
    POSTGRES_BIN=$(postgres_bin)
    POSTGRES_KEPT=${1:-}
    if [ -n "$POSTGRES_KEPT" ]; then
        mkdir -p "$POSTGRES_KEPT"
        POSTGRES_DIR=$(cd "$POSTGRES_KEPT" && pwd)
    else
        POSTGRES_DIR=$(mktemp -d)
    fi
    if [ "$(id -u)" = 0 ]; then
        id postgres >/dev/null 2>&1 || useradd --system postgres
        chown postgres "$POSTGRES_DIR"
    fi
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    [ -e "$POSTGRES_DIR/data/PG_VERSION" ] ||
        (cd "$POSTGRES_DIR" && as_postgres "$POSTGRES_BIN/initdb" -D "$POSTGRES_DIR/data" -U countersign --auth=trust -E UTF8 --locale=C >/dev/null)
    (cd "$POSTGRES_DIR" && as_postgres "$POSTGRES_BIN/pg_ctl" -D "$POSTGRES_DIR/data" -w -l "$POSTGRES_DIR/log" \
        -o "-p $port -k $POSTGRES_DIR -c listen_addresses=127.0.0.1 -c max_connections=300 ${POSTGRES_OPTIONS:-}" start >/dev/null)
    POSTGRES_URL="postgres://countersign@127.0.0.1:$port/postgres"
}

postgres_stop() {
    [ -n "${POSTGRES_DIR:-}" ] || return 0
    (cd / && as_postgres "$POSTGRES_BIN/pg_ctl" -D "$POSTGRES_DIR/data" -m "$([ -n "$POSTGRES_KEPT" ] && echo fast || echo immediate)" stop >/dev/null 2>&1) || true
    [ -n "$POSTGRES_KEPT" ] || rm -rf "$POSTGRES_DIR"
    POSTGRES_DIR=""
}
