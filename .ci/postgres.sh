#!/usr/bin/env bash
# A PostgreSQL of its own on loopback for the integration tests: data in DIR, user and database `packshot`, no password.
#
#   .ci/postgres.sh start DIR [PORT]    prints the SQLAlchemy URL
#   .ci/postgres.sh stop DIR            ends the server and removes DIR
#
# Debian: apt-get install -y --no-install-recommends postgresql. As root the server runs as the user `postgres`.
set -euo pipefail

usage() { sed -n '4,5s/^# *//p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
action=$1
case "$2" in /*) dir=$2 ;; *) dir=$PWD/$2 ;; esac
port=${3:-19432}
marker=$dir/made-by-packshot
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || bin=$(dirname "$(command -v pg_ctl || echo /nowhere/pg_ctl)")

as_owner() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }

stop() {
    if [ -e "$dir/data/postmaster.pid" ]; then as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null || true; fi
    rm -rf "$dir"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start() {
    if [ -e "$dir" ] && [ ! -e "$marker" ]; then echo "$dir exists and was not made by this script" >&2; exit 1; fi
    [ ! -e "$dir" ] || stop
    if answers; then echo "port $port is taken" >&2; exit 1; fi
    mkdir -p "$dir"
    touch "$marker"
    chmod 755 "$dir"
    if [ "$(id -u)" = 0 ]; then install -d -o postgres -m 700 "$dir/data" && install -o postgres -m 600 /dev/null "$dir/log"; fi
    as_owner "$bin/initdb" -D "$dir/data" -U packshot --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$dir/init.log" 2>&1 \
        || { tail -20 "$dir/init.log" >&2; exit 1; }
    as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w start \
        -o "-c listen_addresses=127.0.0.1 -p $port -c unix_socket_directories=$dir/data -c max_connections=200 -c fsync=off" \
        >>"$dir/init.log" 2>&1 || { tail -20 "$dir/log" >&2; exit 1; }
    as_owner "$bin/createdb" -h 127.0.0.1 -p "$port" -U packshot packshot
    echo "postgresql+psycopg://packshot@127.0.0.1:$port/packshot"
}

case "$action" in
start) start ;;
stop) [ -e "$marker" ] || { echo "$dir was not made by this script" >&2; exit 1; }; stop ;;
*) usage ;;
esac
