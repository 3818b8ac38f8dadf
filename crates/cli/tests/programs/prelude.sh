# What the scripts of all cases can use. $T is the cell's own folder, $SHARED has what was built
# once for all, $SERVER is where a client finds the server.
set -euo pipefail
cd "$T"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=$T LC_ALL=C LANG=C
unset XDG_RUNTIME_DIR http_proxy https_proxy

# What is being done now: what a failure is called in the table.
step() { printf '%s\n' "$*" >"$T/step"; }

# Whether the server, where it is by itself, has not ended with an error.
serving() {
  [ ! -e "$T/ended" ] || { step "the server has ended"; return 1; }
}

# Waits until somebody listens on a port, and does not hang up at once, as a router would whose
# server is not there yet.
listening() {
  local try code
  for try in {1..200}; do
    code=0
    (exec 3<>"/dev/tcp/$SERVER/$1" && read -r -t 0.5 -N 1 -u 3) 2>/dev/null || code=$?
    ((code == 0 || code > 128)) && return
    serving || return 1
    sleep 0.05
  done
  step "nobody listens on port $1"
  return 1
}

# Waits until a file has a line that matches.
said() {
  local try
  for try in {1..400}; do
    grep -qE -- "$1" "$2" 2>/dev/null && return
    serving || return 1
    sleep 0.05
  done
  step "no line \"$1\" in ${2##*/}"
  return 1
}

# A file of so many bytes that no compression makes small, the same each time.
noise() { openssl enc -aes-128-ctr -pass pass:danja -nosalt -pbkdf2 </dev/zero 2>/dev/null | head -c "$1" >"$2" || true; }

# Of our own classes, as small and as soon there as it can be.
small_java() { java -Xmx64m -XX:TieredStopAtLevel=1 -cp "$SHARED/java" "$@"; }
