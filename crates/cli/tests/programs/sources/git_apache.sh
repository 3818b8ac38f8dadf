# apache2 at port 8000 with git's own program for repositories over HTTP.
user=
[ "$(id -u)" != 0 ] || user="User nobody
Group nogroup"
modules=/usr/lib/apache2/modules
cat >apache.conf <<END
ServerRoot $T
ServerName localhost
PidFile $T/apache.pid
DefaultRuntimeDir $T
LoadModule mpm_prefork_module $modules/mod_mpm_prefork.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule alias_module $modules/mod_alias.so
LoadModule env_module $modules/mod_env.so
LoadModule cgi_module $modules/mod_cgi.so
$user
Listen 8000
DocumentRoot $T
ErrorLog $T/apache.log
SetEnv GIT_PROJECT_ROOT $T/repositories
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnv GIT_CONFIG_GLOBAL $T/config
SetEnv REMOTE_USER danja
ScriptAlias /git/ /usr/lib/git-core/git-http-backend/
END
exec apache2 -f "$T/apache.conf" -D FOREGROUND
