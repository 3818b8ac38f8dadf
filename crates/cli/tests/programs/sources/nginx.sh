# nginx for whoever runs this: HTTP/1.1 at 8080, HTTP/2 without TLS at 8082.
mkdir -p www
cp "$SHARED/words" www/word
chmod a+x .
user=
[ "$(id -u)" != 0 ] || user="user nobody nogroup;"
cat >nginx.conf <<END
$user
worker_processes 2; daemon off; pid $T/nginx.pid; error_log stderr;
events { worker_connections 256; }
http {
    access_log off; keepalive_requests 1000000;
    client_body_temp_path $T/body; proxy_temp_path $T/proxy; fastcgi_temp_path $T/fastcgi;
    uwsgi_temp_path $T/uwsgi; scgi_temp_path $T/scgi;
    server { listen 8080 backlog=1024; root $T/www; }
    server { listen 8082 http2 backlog=1024; root $T/www; }
}
END
exec nginx -c "$T/nginx.conf"
