# A DNS server with a few names, at the port given.
many=()
for n in {1..60}; do many+=(--host-record="many.example.test,192.0.2.$((n + 100))"); done
user=()
[ "$(id -u)" != 0 ] || user=(--user=root)
exec dnsmasq --keep-in-foreground --log-facility=- --conf-file=/dev/null --no-resolv --no-hosts --pid-file= "${user[@]}" \
  --port="$1" --local=/example.test/ --host-record=www.example.test,192.0.2.7 "${many[@]}"
