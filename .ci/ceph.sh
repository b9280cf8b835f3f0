#!/usr/bin/env bash
# A real S3 server on loopback for the integration tests: one Ceph monitor, manager, in-memory OSD and RADOS gateway.
#
#   .ci/ceph.sh start DIR [PORT]    prints the endpoint; access key `packshot`, secret key `packshot-secret`
#   .ci/ceph.sh stop DIR            ends the four daemons and removes DIR
#
# Debian: apt-get install -y --no-install-recommends radosgw ceph-mon ceph-osd ceph-mgr. Run as root; needs about 700 MB of memory.
set -euo pipefail

usage() { sed -n '4,5s/^# *//p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
action=$1
case "$2" in /*) dir=$2 ;; *) dir=$PWD/$2 ;; esac
port=${3:-19080}
marker=$dir/made-by-packshot

stop() {
    local file pid
    for file in "$dir"/run/*.pid; do
        [ -e "$file" ] || continue
        pid=$(cat "$file")
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null || true
    done
    rm -rf "$dir"
}

configure() {
    fsid=$(cat /proc/sys/kernel/random/uuid)
    cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $fsid
mon_host = [v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
auth_allow_insecure_global_id_reclaim = false
keyring = $dir/keyring
mon_data = $dir/mon
mgr_data = $dir/mgr
osd_data = $dir/osd
rgw_data = $dir/rgw
run_dir = $dir/run
pid_file = $dir/run/\$name.pid
admin_socket = $dir/run/\$name.asok
log_file = $dir/log/\$name.log
mon_data_avail_crit = 1
mon_allow_pool_size_one = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
osd_memory_target = 939524096
memstore_device_bytes = 1073741824
CONF
}

keys() {
    local add=(ceph-authtool "$dir/keyring" --gen-key)
    ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *'
    "${add[@]}" -n client.admin --cap mon 'allow *' --cap mgr 'allow *' --cap osd 'allow *'
    "${add[@]}" -n mgr.x --cap mon 'allow profile mgr' --cap osd 'allow *'
    "${add[@]}" -n osd.0 --cap mon 'allow profile osd' --cap mgr 'allow profile osd' --cap osd 'allow *'
}

daemons() {
    local conf=(-c "$dir/ceph.conf") osd
    monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]" "$dir/monmap"
    ceph-mon "${conf[@]}" -i a --mkfs --monmap "$dir/monmap" --keyring "$dir/keyring"
    ceph-mon "${conf[@]}" -i a
    osd=$(cat /proc/sys/kernel/random/uuid)
    ceph-osd "${conf[@]}" -i 0 --mkfs --osd-uuid "$osd"
    ceph "${conf[@]}" osd new "$osd" 0
    ceph "${conf[@]}" osd crush add osd.0 1.0 root=default host=localhost
    ceph-osd "${conf[@]}" -i 0
    ceph-mgr "${conf[@]}" -i x
    radosgw "${conf[@]}" -n client.admin --rgw-frontends="beast endpoint=127.0.0.1:$port" \
        --pid-file="$dir/run/radosgw.pid" --log-file="$dir/log/radosgw.log"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start() {
    if [ -e "$dir" ] && [ ! -e "$marker" ]; then echo "$dir exists and was not made by this script" >&2; exit 1; fi
    [ ! -e "$dir" ] || stop
    if answers; then echo "port $port is taken" >&2; exit 1; fi
    mkdir -p "$dir"/{mon,mgr,osd,rgw,run,log}
    touch "$marker"
    configure
    if ! { keys && daemons; } >"$dir/log/start.log" 2>&1; then tail -20 "$dir/log/start.log" >&2; exit 1; fi
    for _ in $(seq 300); do answers && break; sleep 0.2; done
    radosgw-admin -c "$dir/ceph.conf" user create --uid=packshot --display-name=packshot \
        --access-key=packshot --secret-key=packshot-secret >>"$dir/log/start.log" 2>&1
    echo "http://127.0.0.1:$port"
}

case "$action" in
start) start ;;
stop) [ -e "$marker" ] || { echo "$dir was not made by this script" >&2; exit 1; }; stop ;;
*) usage ;;
esac
