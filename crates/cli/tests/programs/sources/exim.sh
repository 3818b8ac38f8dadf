# A Debian SMTP server at port 2525; mails go to $T/mailbox. It is a copy of the program without its
# set-user-id bit. Started by root it is a daemon that lays its privileges down; to ordinary users
# it refuses to be one, so that theirs is called for each connection.
set -eu
cd "$T"
cp /usr/sbin/exim4 exim
user=$(id -un) group=$(id -gn)
[ "$user" != root ] || { user=Debian-exim group=Debian-exim; }
mkdir -p -m 777 spool logs box
ln -s box/mailbox mailbox
cat >exim.conf <<END
exim_path = $T/exim
spool_directory = $T/spool
log_file_path = $T/logs/%slog
keep_environment =
primary_hostname = server.example
domainlist local = server.example
daemon_smtp_ports = 2525
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
never_users =
acl_smtp_rcpt = accept_all
acl_smtp_data = accept_all
pid_file_path = $T/box/pid
begin acl
accept_all:
  accept
begin routers
box:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = $T/box/mailbox
  user = $user
  group = $group
  create_directory
END
if [ "$user" = Debian-exim ]; then
  exec setpriv --reuid "$user" --regid "$group" --clear-groups ./exim -C "$T/exim.conf" -bdf -oX 2525
fi
exec python3 "$SHARED/inetd.py" 2525 ./exim -C "$T/exim.conf" -bs
