# One cell: a machine of its own (namespaces for network, processes and mounts), of which this
# script is root, and in it a case as a user on the kernel or under `danja run`.
# Variables: T, SHARED, MODE, WHO, MEETING, PORTS, DANJA, OWN_UID, OWN_GID, BELOW (whether root in
# here is the root of a user namespace only).
set -euo pipefail
cd "$T"
ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
# An ordinary user's namespace has only that user's group.
echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range 2>/dev/null ||
  echo "0 0" >/proc/sys/net/ipv4/ping_group_range
mount --make-rprivate /
# The ordinary user has a shell and a home, as users have; nothing else is known of this machine.
sed -E "s|^([^:]*):[^:]*(:$OWN_UID:[^:]*:[^:]*:).*|\1:x\2$T:/bin/bash|" /etc/passwd >passwd
grep -qE "^[^:]*:[^:]*:$OWN_UID:" passwd || echo "user:x:$OWN_UID:$OWN_GID::$T:/bin/bash" >>passwd
printf '%s:NP:20000:0:99999:7:::\n' $(cut -d: -f1 passwd) >shadow
printf '127.0.0.1 localhost\n10.0.2.3 server.example\n10.0.2.15 launched.example\n' >hosts
echo "nameserver 127.0.0.1" >resolv.conf
chmod a+x .; chmod 644 passwd shadow hosts resolv.conf
mount --bind passwd /etc/passwd
mount --bind shadow /etc/shadow
mount --bind hosts /etc/hosts
mount --bind resolv.conf "$(realpath -m /etc/resolv.conf)"

as=()
if [ "$WHO" = user ]; then
  if [ "$BELOW" = yes ]; then
    as=(unshare --user --map-user="$OWN_UID" --map-group="$OWN_GID")
  else
    as=(setpriv --reuid "$OWN_UID" --regid "$OWN_GID" --clear-groups)
  fi
fi
launch=()
if [ "$MODE" = kernel ]; then
  ip address add 10.0.2.15/32 dev lo
  ip address add 10.0.2.3/32 dev lo
else
  # A machine has an address beside its loopback's; without one the C library asks for no names.
  ip address add 192.0.2.1/32 dev lo
  launch=("$DANJA" run -q --intercept "$MODE")
  [ "$MEETING" != out ] || launch+=(--host-access)
  if [ "$MEETING" = in ]; then
    for port in $PORTS; do launch+=(--publish "${port%/*}:$port"); done
  fi
  launch+=(--)
fi
ordinary() { env SERVER="$1" "${as[@]}" bash "${@:2}"; }
launched() { env SERVER="$1" "${as[@]}" "${launch[@]}" bash "${@:2}"; }

# Launches a script and waits until that is over: `danja run` would wait for all that it leaves
# behind, which ends with this world.
client() {
  local launcher
  launched "$1" -c "trap 'echo \$? >\$T/code' EXIT; source ./$2" &
  launcher=$!
  while kill -0 $launcher 2>/dev/null; do
    [ ! -s code ] || return "$(cat code)"
    sleep 0.02
  done
  wait $launcher
}

# A server has a process group of its own.
set -m
case $MEETING in
  within) client 10.0.2.15 within.sh >within.log 2>&1 ;;
  out)
    (ordinary 127.0.0.1 server.sh >server.log 2>&1 || touch ended) &
    client 10.0.2.3 client.sh >client.log 2>&1
    ;;
  in)
    (launched 10.0.2.15 server.sh >server.log 2>&1 || touch ended) &
    ordinary 127.0.0.1 client.sh >client.log 2>&1
    ;;
esac
