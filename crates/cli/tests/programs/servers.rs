//! Servers as people run them: web servers with several processes, databases.

use crate::case::{Case, Meeting};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "nginx",
        does: "two workers, `sendfile`, curl: files, ranges, ten at once; a reload",
        needs: &["nginx", "curl"],
        meetings: Meeting::SERVED,
        ports: "8080",
        server: r#"
            mkdir -p www; noise 3000000 www/file; cp "$SHARED/words" www/word
            user=; [ "$(id -u)" != 0 ] || user="user nobody nogroup;"
            chmod a+x .
            cat >nginx.conf <<END
            $user
            worker_processes 2; daemon off; pid $T/nginx.pid; error_log stderr;
            events { worker_connections 256; }
            http {
                sendfile on; tcp_nopush on; access_log $T/access.log;
                client_body_temp_path $T/body; proxy_temp_path $T/proxy; fastcgi_temp_path $T/fastcgi;
                uwsgi_temp_path $T/uwsgi; scgi_temp_path $T/scgi;
                server { listen 8080; root $T/www; }
            }
END
            nginx -c "$T/nginx.conf"
        "#,
        client: r#"
            source "$SHARED/fetch.sh"; fetch_page 8080
            step "reload"
            kill -HUP "$(cat nginx.pid)"; sleep 1
            curl -sSf -o got "http://$SERVER:8080/file"; cmp got expected
        "#,
        ..Case::BASE
    },
    Case {
        name: "apache2 (prefork)",
        does: "four processes accepting, curl: files, ranges, ten at once",
        needs: &["apache2", "curl"],
        meetings: Meeting::SERVED,
        ports: "8080",
        server: r#"
            mkdir -p www; noise 3000000 www/file; cp "$SHARED/words" www/word; chmod a+x .
            user=; [ "$(id -u)" != 0 ] || user="User nobody
            Group nogroup"
            modules=/usr/lib/apache2/modules
            cat >apache.conf <<END
            ServerRoot $T
            ServerName localhost
            PidFile $T/apache.pid
            DefaultRuntimeDir $T
            LoadModule mpm_prefork_module $modules/mod_mpm_prefork.so
            LoadModule authz_core_module $modules/mod_authz_core.so
            $user
            Listen 8080
            StartServers 4
            MinSpareServers 4
            DocumentRoot $T/www
            ErrorLog $T/apache.log
END
            apache2 -f "$T/apache.conf" -D FOREGROUND
        "#,
        client: r#"source "$SHARED/fetch.sh"; fetch_page 8080; fetch_absent 8080"#,
        ..Case::BASE
    },
    Case {
        name: "haproxy",
        does: "HTTP before two servers of busybox's, in turn; TCP mode",
        needs: &["haproxy", "busybox", "curl"],
        meetings: Meeting::SERVED,
        ports: "8080 8090",
        server: r#"
            for n in 1 2; do
                mkdir -p www$n; noise 3000000 www$n/file; cp "$SHARED/words" www$n/word; echo $n >www$n/number
                busybox httpd -p 127.0.0.1:900$n -h www$n
            done
            cat >haproxy.cfg <<END
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend web
    mode http
    bind :8080
    default_backend two
backend two
    mode http
    balance roundrobin
    server one 127.0.0.1:9001 check
    server two 127.0.0.1:9002 check
listen plain
    mode tcp
    bind :8090
    server one 127.0.0.1:9001
END
            haproxy -db -f "$T/haproxy.cfg"
        "#,
        client: r#"
            listening 8080
            noise 3000000 expected
            step "both servers in turn"
            [ "$(for n in 1 2 3 4; do curl -sSf "http://$SERVER:8080/number"; done | sort | uniq -c | xargs)" = "2 1 2 2" ]
            step "fetch a file"
            curl -sSf -o got "http://$SERVER:8080/file"; cmp got expected
            step "ten at once"
            curl -sSf --parallel --parallel-immediate --parallel-max 10 -o 'many#1' "http://$SERVER:8080/file?[1-10]"
            for file in many*; do cmp "$file" expected; done
            step "TCP mode"
            curl -sSf -o got "http://$SERVER:8090/file"; cmp got expected
        "#,
        ..Case::BASE
    },
    Case {
        name: "redis, redis-benchmark",
        does: "values of 1 MB, a subscription, 20,000 requests of fifty clients",
        needs: &["redis-server", "redis-benchmark", "redis-cli"],
        meetings: Meeting::SERVED,
        ports: "6379",
        server: "redis-server --save '' --bind 0.0.0.0 --protected-mode no --port 6379",
        client: r#"
            listening 6379
            redis() { redis-cli -h "$SERVER" "$@"; }
            step "a large value"
            head -c 750000 /dev/zero | tr '\0' x >value
            redis -x set key <value >/dev/null
            redis get key | head -c 750000 | cmp - value
            step "publish and subscribe"
            (timeout 20 redis-cli -h "$SERVER" subscribe news || true) >heard &
            said subscribe heard
            [ "$(redis publish news tidings)" = 1 ]
            said tidings heard
            step "benchmark"
            redis-benchmark -h "$SERVER" -q -n 5000 -c 50 -t ping,set,get,lpush >figures
            [ "$(grep -c 'requests per second' figures)" -ge 4 ]
            step "benchmark with a pipeline"
            redis-benchmark -h "$SERVER" -q -n 20000 -c 10 -P 16 -t set >figures
            grep -q 'requests per second' figures
        "#,
        seconds: 120,
        ..Case::BASE
    },
    Case {
        name: "PostgreSQL, pgbench",
        does: "a process a connection; 4 clients, 400 transactions; a cancelled query",
        needs: &["pgbench", "psql", "setpriv"],
        meetings: Meeting::SERVED,
        ports: "5432",
        server: r#"
            as=; [ "$(id -u)" != 0 ] || { as="setpriv --reuid 65534 --regid 65534 --clear-groups"; chown 65534 .; }
            bin=$(echo /usr/lib/postgresql/*/bin)
            $as "$bin/initdb" -D "$T/data" -U danja --no-sync -A trust
            echo "host all all all trust" >>data/pg_hba.conf
            exec $as "$bin/postgres" -D "$T/data" -c listen_addresses='*' -c unix_socket_directories="$T" -c fsync=off
        "#,
        client: r#"
            said 'ready to accept' "$T/server.log"
            export PGHOST=$SERVER PGUSER=danja PGDATABASE=postgres
            step "a query"
            [ "$(psql -Atc 'select sum(n) from generate_series(1, 100000) n')" = 5000050000 ]
            step "a large result"
            [ "$(psql -Atc "select repeat('x', 3000000)" | wc -c)" = 3000001 ]
            step "benchmark"
            pgbench -q -i -s 1 >/dev/null 2>&1
            pgbench -n -c 4 -j 2 -t 100 >figures
            grep -q '400/400' figures
            step "cancel a query"
            (timeout -s INT 1 psql -c 'select pg_sleep(60)' 2>&1 || true) | grep -q 'cancel'
        "#,
        seconds: 120,
        ..Case::BASE
    },
];
