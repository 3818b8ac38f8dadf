# A Debian SMTP server at port 2525; mails go to $T/mailbox. It is a copy of the program without its
# set-user-id bit, run by the user it is made for: by root's leave, or in a user namespace.
set -eu
cd "$T"
cp /usr/sbin/exim4 exim
user=Debian-exim group=Debian-exim
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
as=(unshare --user --map-user="$(id -u "$user")" --map-group="$(getent group "$group" | cut -d: -f3)")
[ "$(id -u)" != 0 ] || as=(setpriv --reuid "$user" --regid "$group" --clear-groups)
exec "${as[@]}" ./exim -C "$T/exim.conf" -bdf -oX 2525
