//! Programs that work on another machine: ssh, git, rsync, mail.

use crate::case::{Case, Meeting};

/// A server of ssh for whoever runs it, with a key that is let in.
const SSHD: &str = r#"
    umask 077
    ssh-keygen -q -t ed25519 -N '' -f host_key
    ssh-keygen -q -t ed25519 -N '' -f key
    cp key.pub authorized
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    /usr/sbin/sshd -D -e -f /dev/null -p 2222 -h "$T/host_key" -o PidFile=none -o StrictModes=no \
        -o AuthorizedKeysFile="$T/authorized" -o Subsystem="sftp internal-sftp" -o UsePAM=no
"#;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "ssh, sshd",
        does: "2 MB through it both ways, sftp, a forwarded port, an exit code",
        needs: &["ssh", "sshd", "sftp", "busybox"],
        meetings: Meeting::ANYWHERE,
        ports: "2222",
        server: SSHD,
        client: r#"
            said listening "$T/server.log"
            at() { command=$1; shift; $command -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -F /dev/null -i "$T/key" "$@"; }
            noise 2000000 expected
            step "both ways"
            at ssh -p 2222 "$SERVER" cat <expected >back; cmp back expected
            step "exit code"
            code=0; at ssh -p 2222 "$SERVER" exit 7 </dev/null || code=$?; [ $code = 7 ]
            step "sftp"
            echo "put expected sent
            get sent got" | at sftp -b - -P 2222 "$SERVER" >/dev/null
            cmp got expected
            step "a forwarded port"
            mkdir -p www; cp expected www/file
            at ssh -p 2222 -L 127.0.0.1:9000:127.0.0.1:8000 "$SERVER" "cd $T; busybox httpd -f -p 127.0.0.1:8000 -h www" </dev/null &
            SERVER=127.0.0.1 listening 9000
            for try in {1..50}; do busybox wget -q -O forwarded http://127.0.0.1:9000/file && break; sleep 0.1; done
            cmp forwarded expected
        "#,
        ..Case::BASE
    },
    Case {
        name: "git over HTTP",
        does: "clone of 2 MB and push, by `git http-backend` under apache2",
        needs: &["git", "apache2"],
        meetings: Meeting::SERVED,
        ports: "8000",
        server: r#"
            export GIT_CONFIG_GLOBAL="$T/config" GIT_PROJECT_ROOT="$T/repositories" GIT_HTTP_EXPORT_ALL=1
            git config --global user.name danja; git config --global user.email danja@example.invalid
            git config --global init.defaultBranch main; git config --global http.receivepack true
            git config --global http.postBuffer 50000000
            git config --global safe.directory '*'
            mkdir -p work repositories; cd work; git init -q; noise 2000000 file; git add file
            git commit -q -m first; cd ..; git clone -q --bare work repositories/one.git
            git -C repositories/one.git config http.receivepack true
            chmod -R a+rwX repositories; chmod a+rwx .; bash "$SHARED/git_apache.sh"
        "#,
        client: r#"
            listening 8000
            noise 2000000 expected
            export GIT_CONFIG_GLOBAL="$T/config" GIT_TERMINAL_PROMPT=0
            step "clone"
            git clone -q "http://$SERVER:8000/git/one.git" clone; cmp clone/file expected
            step "push"
            cd clone; noise 500000 second; git add second; git commit -q -m second; git push -q origin main; cd ..
            git clone -q "http://$SERVER:8000/git/one.git" again; cmp again/second clone/second
        "#,
        ..Case::BASE
    },
    Case {
        name: "rsync",
        does: "a daemon: 200 files there, changed, and back",
        needs: &["rsync"],
        meetings: Meeting::SERVED,
        ports: "8730",
        server: r#"
            mkdir -p module
            printf 'use chroot = no\nport = 8730\n[module]\npath = %s/module\nread only = no\n' "$T" >rsyncd.conf
            [ "$(id -u)" != 0 ] || printf 'uid = 0\ngid = 0\n' >>rsyncd.conf
            rsync --daemon --no-detach --config=rsyncd.conf --log-file=/dev/stderr
        "#,
        client: r#"
            listening 8730
            mkdir -p files; noise 2000000 files/large
            for n in {1..200}; do echo "file $n" >files/$n; done
            step "there"
            rsync -a files/ "rsync://$SERVER:8730/module/"; diff -r files module
            step "what changed"
            echo more >>files/large; rm files/7
            rsync -a --delete files/ "rsync://$SERVER:8730/module/"; diff -r files module
            step "back"
            rsync -a "rsync://$SERVER:8730/module/" copy/; diff -r files copy
        "#,
        ..Case::BASE
    },
    Case {
        name: "msmtp to exim4",
        does: "a mail of 500 kB to a Debian SMTP server, by its host name",
        needs: &["msmtp", "exim4"],
        meetings: Meeting::FROM,
        server: r#"bash "$SHARED/exim.sh""#,
        client: r#"
            listening 2525
            host=server.example; [ "$SERVER" != 10.0.2.15 ] || host=launched.example
            step "send a mail"
            { printf 'From: a@server.example\nTo: b@server.example\nSubject: a mail\n\n'; yes 'a line of it' | head -40000; } >mail || true
            msmtp --file=/dev/null --host="$host" --port=2525 --from=a@server.example b@server.example <mail
            step "it is in the mailbox"
            said 'Subject: a mail' "$T/mailbox"
            [ "$(grep -c 'a line of it' mailbox)" = 40000 ]
        "#,
        ..Case::BASE
    },
    Case {
        name: "swaks to exim4",
        does: "a mail by a client in Perl",
        needs: &["swaks", "exim4"],
        meetings: Meeting::FROM,
        server: r#"bash "$SHARED/exim.sh""#,
        client: r#"
            listening 2525
            host=server.example; [ "$SERVER" != 10.0.2.15 ] || host=launched.example
            step "send a mail"
            swaks --server "$host" --port 2525 --from a@server.example --to b@server.example --header 'Subject: by swaks' --helo me.example
            step "it is in the mailbox"
            said 'Subject: by swaks' "$T/mailbox"
        "#,
        ..Case::BASE
    },
];
