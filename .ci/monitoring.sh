#!/usr/bin/env bash
# The monitoring lane: installs Debian's Prometheus and Alertmanager when they are missing, and runs them over the real service.
# Nothing is left running. Without CI=true programs that cannot be had skip their tests with a reason; in CI they fail.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp /tmp/pkXXXX)
trap 'rm -f "$log"' EXIT

if ! { command -v promtool && command -v prometheus-alertmanager; } >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "monitoring: installing Prometheus and Alertmanager"
    # RUNLEVEL=1: the packages must not start their services.
    apt-get update -qq >/dev/null && RUNLEVEL=1 apt-get install -y -qq --no-install-recommends prometheus prometheus-alertmanager >"$log" 2>&1 \
        || { tail -5 "$log"; [ "${CI:-}" != true ] || exit 1; }
fi
.venv/bin/python -m pytest -q tests/integration/test_monitoring.py tests/integration/test_monitoring_rules.py "$@"
