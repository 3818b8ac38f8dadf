//! Programs that fetch and serve: curl, wget, busybox, netcat, Python.

use crate::case::{Case, Meeting};

/// A web server of Python's, with a file of noise.
const PYTHON_FILES: &str = r#"
mkdir -p www; noise 3000000 www/file
python3 -m http.server --directory www 8000
"#;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "curl",
        does: "3 MB and 404 from Python's `http.server`, a closed port, ten at once",
        needs: &["curl", "python3"],
        meetings: Meeting::FROM,
        server: PYTHON_FILES,
        client: r#"
            source "$SHARED/fetch.sh"
            fetch_files 8000; fetch_absent 8000
            step "a closed port is refused"
            code=0; curl -s "http://$SERVER:8001/" || code=$?; [ $code = 7 ]
        "#,
        ..Case::BASE
    },
    Case {
        name: "wget",
        does: "3 MB from Python's `http.server`, and a file that is not there",
        needs: &["wget", "python3"],
        meetings: Meeting::FROM,
        server: PYTHON_FILES,
        client: r#"
            listening 8000
            noise 3000000 expected
            step "fetch a file"
            wget -q -O got "http://$SERVER:8000/file"; cmp got expected
            step "a missing file"
            code=0; wget -q -O page "http://$SERVER:8000/absent" || code=$?; [ $code = 8 ]
        "#,
        ..Case::BASE
    },
    Case {
        name: "busybox (static)",
        does: "its `wget` from its `httpd`",
        needs: &["busybox"],
        meetings: Meeting::ANYWHERE,
        ports: "8000",
        server: "mkdir -p www; noise 3000000 www/file; busybox httpd -f -p 8000 -h www",
        client: r#"
            listening 8000
            noise 3000000 expected
            step "fetch a file"
            busybox wget -q -O got "http://$SERVER:8000/file"; cmp got expected
        "#,
        ..Case::BASE
    },
    Case {
        name: "nc",
        does: "1 MB to a listener, half closed, a line back",
        needs: &["nc"],
        meetings: Meeting::ANYWHERE,
        ports: "7000",
        server: r#"
            nc -l -N 7000 <"$SHARED/words" >got
            cksum <got >sum
        "#,
        client: r#"
            sleep 0.5
            noise 1000000 expected
            step "send and hear"
            nc -N "$SERVER" 7000 <expected >back
            cmp back "$SHARED/words"
            step "all arrived"
            said "$(cksum <expected)" "$T/sum"
        "#,
        ..Case::BASE
    },
    Case {
        name: "nc -u",
        does: "lines over UDP and their echo",
        needs: &["nc", "python3"],
        meetings: Meeting::ANYWHERE,
        ports: "7000/udp",
        server: r#"python3 "$SHARED/udp_echo.py" 7000"#,
        client: r#"
            said ready "$T/server.log"
            step "an echo"
            (echo one; sleep 1; echo two; sleep 1) | nc -u -w 2 "$SERVER" 7000 >back
            printf 'one\ntwo\n' | cmp - back
        "#,
        ..Case::BASE
    },
    Case {
        name: "nc -u to a closed port",
        does: "ICMP's answer ends it with an error",
        needs: &["nc"],
        meetings: Meeting::FROM,
        server: "sleep 1000",
        client: r#"
            step "refused"
            (echo one; sleep 12) | (timeout 8 nc -u "$SERVER" 7009; echo $? >code) || true
            [ "$(cat code)" = 0 ]
        "#,
        ..Case::BASE
    },
    Case {
        name: "Python socketserver",
        does: "`ThreadingTCPServer` and `UDPServer`, twenty clients each",
        needs: &["python3"],
        meetings: Meeting::ANYWHERE,
        ports: "7000 7001/udp",
        server: r#"python3 "$SHARED/socket_server.py""#,
        client: r#"listening 7000; step "twenty clients"; python3 "$SHARED/socket_client.py" "$SERVER""#,
        ..Case::BASE
    },
    Case {
        name: "Python asyncio",
        does: "streams and datagrams, a hundred clients at once",
        needs: &["python3"],
        meetings: Meeting::ANYWHERE,
        ports: "7000 7001/udp",
        server: r#"python3 "$SHARED/asyncio_server.py""#,
        client: r#"listening 7000; step "a hundred clients"; python3 "$SHARED/asyncio_client.py" "$SERVER""#,
        ..Case::BASE
    },
];
