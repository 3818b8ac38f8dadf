//! Languages with a way of their own to sockets: Go (static, own system calls), Java, Node.

use crate::case::{Case, Meeting};

/// Two programs of ours, of which each of the rows below runs a part.
const JAVA: Case =
    Case { needs: &["java", "javac"], meetings: Meeting::ANYWHERE, seconds: 90, ..Case::BASE };

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "Go, static",
        does: "`net` client and server, `net/http`, UDP, a refused and a timed-out connection",
        needs: &["go"],
        meetings: Meeting::ANYWHERE,
        ports: "7000 7001/udp 8000",
        server: r#""$SHARED/go_server""#,
        client: r#"listening 8000; step "fifty clients"; "$SHARED/go_client" "$SERVER""#,
        ..Case::BASE
    },
    Case {
        name: "Java Socket, ServerSocket",
        does: "a thread each, ten clients; `DatagramSocket`; refused",
        ports: "7000 7001/udp",
        server: r#"small_java Server blocking"#,
        client: r#"
            said ready "$T/server.log"
            step "ten clients"
            small_java Client blocking "$SERVER"
        "#,
        ..JAVA
    },
    Case {
        name: "Java NIO",
        does: "one selector: `OP_ACCEPT`, `OP_CONNECT`, ten clients at once; refused",
        ports: "7000",
        server: r#"small_java Server nio"#,
        client: r#"
            said ready "$T/server.log"
            step "ten clients"
            small_java Client nio "$SERVER"
        "#,
        ..JAVA
    },
    Case {
        name: "Node",
        does: "`http`, `net` and `dgram`, fifty requests at once, half close, refused",
        needs: &["node"],
        meetings: Meeting::ANYWHERE,
        ports: "7000 7001/udp 8000",
        server: r#"node "$SHARED/server.js""#,
        client: r#"said ready "$T/server.log"; step "fifty requests"; node "$SHARED/client.js" "$SERVER""#,
        ..Case::BASE
    },
];
